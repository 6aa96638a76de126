//! Taking a job whatever stands in the way.

use std::collections::HashMap;
use std::slice::from_ref;

use chrono::{DateTime, Utc};
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use super::{Adapter, Connection, inserts, push_ids, rows, transitions};
use crate::artifact::Digest;
use crate::job::{EnvironmentResult, Status};
use crate::store::{Claim, ClaimRequest, Error, Lease, ObservedLease};
use crate::submission::Submission;

/// The epoch of a job's first lease.
const FIRST_EPOCH: u32 = 1;

/// The row of a job as a claim finds it.
struct JobRow {
    request_hash: Digest,
    status: Status,
    attempt: u32,
    interruptions: u32,
    cancel_requested: bool,
    /// The claim that its worker holds it by.
    claim_id: Option<Uuid>,
    observed: ObservedLease,
}

impl JobRow {
    async fn lock(tx: &mut Connection, id: Uuid) -> Result<Option<Self>, Error> {
        let row = sqlx::query(concat!(
            "SELECT request_hash, status, attempt, interruptions, cancel_requested, lease_claim, lease_epoch, lease_message, \
             lease_expires_at FROM jobs WHERE id = $1",
            for_update!()
        ))
        .bind(id)
        .fetch_optional(tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Self {
            request_hash: rows::request_hash(&row)?,
            status: rows::status(&row)?,
            attempt: rows::number(&row, "attempt")?,
            interruptions: rows::number(&row, "interruptions")?,
            cancel_requested: row.try_get("cancel_requested")?,
            claim_id: row.try_get("lease_claim")?,
            observed: ObservedLease {
                epoch: rows::number(&row, "lease_epoch")?,
                // A row of before these columns existed names no message: nobody can have been
                // delivered it.
                message_id: row
                    .try_get::<Option<Uuid>, _>("lease_message")?
                    .unwrap_or_default(),
                expires_at: row
                    .try_get::<Option<DateTime<Utc>>, _>("lease_expires_at")?
                    .unwrap_or_default(),
            },
        }))
    }

    /// The row, made from the message where there is none yet.
    async fn lock_or_insert(tx: &mut Connection, submission: &Submission) -> Result<Self, Error> {
        let id = submission.job_id;
        if let Some(row) = Self::lock(&mut *tx, id).await? {
            return Ok(row);
        }
        // Another may insert it in this moment: then that row is waited for and stays as it is.
        inserts::insert(&mut *tx, from_ref(submission)).await?;
        let row = Self::lock(tx, id).await?;
        row.ok_or_else(|| Error::Unavailable(format!("the row of job {id} is gone")))
    }
}

impl Adapter {
    /// Takes a job, or finds out what stands in the way. What it wrote is to be committed, unless
    /// the message is nobody's.
    pub(super) async fn claim_in(
        &self,
        tx: &mut Connection,
        request: &ClaimRequest,
    ) -> Result<Claim, Error> {
        let ClaimRequest { submission, terms } = request;
        let id = submission.job_id;
        let mut row = JobRow::lock_or_insert(&mut *tx, submission).await?;
        if row.request_hash != submission.request_hash {
            return Ok(Claim::KeyConflict);
        }
        // Only now: the wait for the row must not shorten the lease.
        let now = self.now();
        if row.status == Status::Running && row.claim_id != Some(terms.claim_id) {
            let observed = row.observed;
            if terms.observed_lease != Some(observed) {
                return Ok(Claim::LeasedByOther {
                    observed,
                    expired: observed.expires_at <= now,
                });
            }
            transitions::expire_lease(&mut *tx, id, now).await?;
            row = JobRow::lock_or_insert(&mut *tx, submission).await?;
        }
        let (lease, attempt) = match row.status {
            // This very claim was granted before, and its answer got lost.
            Status::Running => {
                let epoch = row.observed.epoch;
                (Lease { job_id: id, epoch }, row.attempt)
            }
            Status::Queued if row.cancel_requested => {
                transitions::cancel(tx, id, now).await?;
                return Ok(Claim::Ended(Status::Cancelled));
            }
            Status::Queued if row.attempt >= terms.max_attempts => {
                transitions::fail(tx, id, now).await?;
                return Ok(Claim::Exhausted);
            }
            Status::Queued if row.interruptions > 0 && !terms.alone => {
                return Ok(Claim::MustRunAlone);
            }
            Status::Queued => transitions::grant(tx, id, terms, now).await?,
            ended => return Ok(Claim::Ended(ended)),
        };
        let mut kept = kept(tx, &[lease]).await?;
        Ok(granted(lease, attempt, &mut kept))
    }
}

/// Results that former attempts have kept, with their places in the request.
type Kept = HashMap<Uuid, Vec<(usize, EnvironmentResult)>>;

/// What former attempts have kept. Attempts that were not charged have left results too: only a
/// first lease finds none.
pub(super) async fn kept(connection: &mut Connection, leases: &[Lease]) -> Result<Kept, Error> {
    let later = leases.iter().filter(|lease| lease.epoch != FIRST_EPOCH);
    let ids: Vec<_> = later.map(|lease| lease.job_id).collect();
    let mut kept = Kept::new();
    if ids.is_empty() {
        return Ok(kept);
    }
    let mut select = QueryBuilder::new(
        "SELECT job_id, position, result, baseline_id, regression FROM evaluations \
         WHERE result IS NOT NULL AND job_id ",
    );
    push_ids(&mut select, &ids);
    for row in &select.build().fetch_all(connection).await? {
        let results = kept.entry(row.try_get("job_id")?).or_default();
        results.push(rows::evaluation(row)?);
    }
    Ok(kept)
}

/// A claim that was granted, with what was kept for it.
pub(super) fn granted(lease: Lease, attempt: u32, kept: &mut Kept) -> Claim {
    Claim::Granted {
        lease,
        attempt,
        finished: kept.remove(&lease.job_id).unwrap_or_default(),
    }
}
