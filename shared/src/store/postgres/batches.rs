//! Claims and ends of many jobs in one statement each, which is one round trip and one commit.

use std::collections::{HashMap, HashSet};

use futures_util::FutureExt as _;
use sqlx::Row as _;
use uuid::Uuid;

use super::{Postgres, claims, column, document, evaluations, rows, transitions};
use crate::job::Status;
use crate::store::halving::by_halves;
use crate::store::{Claim, ClaimRequest, Ending, Error, Finish, Lease};

/// Takes what nothing stands in the way of. It never waits for a lock: that would shorten the
/// leases.
const GRANT: &str = concat!(
    "WITH free AS (SELECT jobs.id, claim.message_id, claim.claim_id, claim.alone \
     FROM unnest($4::uuid[], $5::text[], $6::uuid[], $7::uuid[], $8::bool[], $9::bigint[]) \
     AS claim (id, request_hash, message_id, claim_id, alone, max_attempts) JOIN jobs ON jobs.id = claim.id \
     WHERE jobs.request_hash = claim.request_hash AND status = 'queued' AND NOT cancel_requested \
     AND attempt < claim.max_attempts AND (interruptions = 0 OR claim.alone) \
     ORDER BY jobs.id FOR UPDATE OF jobs SKIP LOCKED) ",
    grant_job!(
        "$1",
        "$2",
        "$3",
        "free.message_id",
        "free.claim_id",
        "free.alone"
    ),
    " FROM free WHERE jobs.id = free.id RETURNING jobs.id, attempt, lease_epoch, lease_claim",
);

/// Writes nothing of those whose lease is lost. Rows are locked in the order of their ids, as by
/// all who lock several.
const FINISH: &str = concat!(
    "WITH held AS (SELECT jobs.id, ending.epoch, ending.status, ending.verdict \
     FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[]) AS ending (id, epoch, status, verdict) \
     JOIN jobs ON jobs.id = ending.id WHERE lease_epoch = ending.epoch AND jobs.status = 'running' \
     ORDER BY jobs.id FOR UPDATE OF jobs), ended AS (",
    finish_job!("held.status", "$5", "held.verdict"),
    " FROM held WHERE jobs.id = held.id RETURNING jobs.id, held.epoch), \
     written AS (UPDATE evaluations SET result = coalesce(new.result::json, evaluations.result), \
     baseline_id = new.baseline_id, regression = new.regression::json \
     FROM unnest($6::uuid[], $7::bigint[], $8::text[], $9::uuid[], $10::text[]) \
     AS new (job_id, position, result, baseline_id, regression) JOIN ended ON ended.id = new.job_id \
     WHERE evaluations.job_id = new.job_id AND evaluations.position = new.position) \
     SELECT id, epoch FROM ended",
);

impl Postgres {
    pub(super) async fn claim_batch(
        &self,
        claims: &[ClaimRequest],
    ) -> Result<Vec<Result<Claim, Error>>, Error> {
        let mut granted = self.grant_free(claims).await?;
        let mut answers = Vec::with_capacity(claims.len());
        for claim in claims {
            answers.push(match granted.remove(&claim.terms.claim_id) {
                Some(granted) => Ok(granted),
                None => match self.claim_alone(claim).await {
                    Err(error @ Error::Unavailable(_)) => return Err(error),
                    answer => answer,
                },
            });
        }
        Ok(answers)
    }

    /// What was granted, by claim.
    async fn grant_free(&self, claims: &[ClaimRequest]) -> Result<HashMap<Uuid, Claim>, Error> {
        // Whoever has observed a lease knows that something stands in the way; so does the second
        // of two claims of one job.
        let mut jobs = HashSet::new();
        let free = claims.iter().filter(|claim| {
            claim.terms.observed_lease.is_none() && jobs.insert(claim.submission.job_id)
        });
        let free: Vec<_> = free.collect();
        // A worker signs all of its claims alike.
        let Some(terms) = free.first().map(|claim| &claim.terms) else {
            return Ok(HashMap::new());
        };
        let now = self.now();
        let hash = |claim: &&ClaimRequest| claim.submission.request_hash.to_string();
        let most = |claim: &&ClaimRequest| i64::from(claim.terms.max_attempts);
        let grant = sqlx::query(GRANT)
            .bind(&*terms.worker)
            .bind(now + terms.term)
            .bind(now)
            .bind(column(&free, |claim| claim.submission.job_id))
            .bind(column(&free, hash))
            .bind(column(&free, |claim| claim.terms.message_id))
            .bind(column(&free, |claim| claim.terms.claim_id))
            .bind(column(&free, |claim| claim.terms.alone))
            .bind(column(&free, most));
        let mut leases = HashMap::new();
        for row in &self.carry_out(grant).await? {
            let granted = transitions::granted(row.try_get("id")?, row)?;
            leases.insert(row.try_get::<Uuid, _>("lease_claim")?, granted);
        }
        let all: Vec<_> = leases.values().map(|(lease, _)| *lease).collect();
        let mut kept = claims::kept(&mut *self.reader().await?, &all).await?;
        let granted = leases
            .into_iter()
            .map(|(claim, (lease, attempt))| (claim, claims::granted(lease, attempt, &mut kept)));
        Ok(granted.collect())
    }

    async fn claim_alone(&self, claim: &ClaimRequest) -> Result<Claim, Error> {
        let mut tx = self.write().await?;
        let claimed = self.claim_in(&mut tx, claim).await?;
        if claimed == Claim::KeyConflict {
            tx.rollback().await?;
        } else {
            tx.commit().await?;
        }
        Ok(claimed)
    }

    pub(super) async fn finish_batch(
        &self,
        finishes: &[Finish],
    ) -> Result<Vec<Result<bool, Error>>, Error> {
        // Of several ends of one lease the first one counts.
        let mut leases = HashSet::new();
        let first = finishes.iter().filter(|finish| leases.insert(finish.lease));
        // A failure leaves more behind than its row, and is rare.
        let (failed, others): (Vec<_>, Vec<_>) =
            first.partition(|finish| matches!(finish.ending, Ending::Failed(_)));
        let ended = by_halves(&others, |batch| self.finish_together(batch).boxed()).await?;
        let leases = others.iter().map(|finish| finish.lease);
        let mut answers: HashMap<Lease, _> = leases.zip(ended).collect();
        for finish in failed {
            match self.finish_alone(finish).await {
                Err(error @ Error::Unavailable(_)) => return Err(error),
                answer => answers.insert(finish.lease, answer),
            };
        }
        let answer = |finish: &Finish| answers.remove(&finish.lease).unwrap_or(Ok(false));
        Ok(finishes.iter().map(answer).collect())
    }

    async fn finish_alone(&self, finish: &Finish) -> Result<bool, Error> {
        let mut tx = self.write().await?;
        let ended = self.finish_in(&mut tx, finish).await?;
        tx.commit().await?;
        Ok(ended)
    }

    async fn finish_together(&self, finishes: &[&Finish]) -> Result<Vec<bool>, Error> {
        let ends = finishes
            .iter()
            .map(|finish| transitions::ended(&finish.ending));
        let (statuses, verdicts): (Vec<_>, Vec<_>) =
            ends.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        let statuses: Vec<_> = statuses.into_iter().map(Status::as_str).collect();
        let evaluated = finishes.iter().flat_map(|finish| {
            let job_id = finish.lease.job_id;
            let evaluated = evaluations::evaluated(finish).into_iter();
            evaluated.map(move |environment| (job_id, environment))
        });
        let evaluated: Vec<_> = evaluated.collect();
        let results = evaluated.iter().map(|(_, environment)| environment.result);
        let results = results.map(|result| result.map(document).transpose());
        let comparisons = || {
            evaluated
                .iter()
                .map(|(_, environment)| environment.comparison)
        };
        let baselines = comparisons().map(|comparison| Some(comparison?.baseline_id));
        let regressions = comparisons().map(|comparison| comparison?.regression.as_ref());
        let regressions = regressions.map(|regression| regression.map(document).transpose());
        let finish = sqlx::query(FINISH)
            .bind(column(finishes, |finish| finish.lease.job_id))
            .bind(column(finishes, |finish| i64::from(finish.lease.epoch)))
            .bind(statuses)
            .bind(verdicts)
            .bind(self.now())
            .bind(column(&evaluated, |(job_id, _)| *job_id))
            .bind(column(&evaluated, |(_, environment)| environment.position))
            .bind(results.collect::<Result<Vec<_>, _>>()?)
            .bind(baselines.collect::<Vec<_>>())
            .bind(regressions.collect::<Result<Vec<_>, _>>()?);
        let mut ended = HashSet::new();
        for row in &self.carry_out(finish).await? {
            ended.insert(Lease {
                job_id: row.try_get("id")?,
                epoch: rows::number(row, "epoch")?,
            });
        }
        let answer = |finish: &&Finish| ended.contains(&finish.lease);
        Ok(finishes.iter().map(answer).collect())
    }
}
