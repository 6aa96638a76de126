//! Taking a job: one guarded update decides who works on it. Where it takes nothing, a transaction
//! finds out what stands in the way.

use std::slice::from_ref;

use chrono::{DateTime, Utc};
use sqlx::Row as _;
use uuid::Uuid;

use super::{Adapter, Connection, inserts, rows, transitions};
use crate::artifact::Digest;
use crate::job::Status;
use crate::store::{Claim, ClaimTerms, Error, Lease, ObservedLease};
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
    pub(super) async fn claim_job(
        &self,
        submission: &Submission,
        terms: &ClaimTerms<'_>,
    ) -> Result<Claim, Error> {
        // Whoever has observed a lease knows that something stands in the way.
        if terms.observed_lease.is_none() {
            let grant = transitions::grant_if_free(submission, terms, self.now());
            if let Some(row) = self.carry_out(grant).await?.first() {
                let (lease, attempt) = transitions::granted(submission.job_id, row)?;
                return granted(&mut *self.reader().await?, lease, attempt).await;
            }
        }
        self.claim_in_one_transaction(submission, terms).await
    }

    async fn claim_in_one_transaction(
        &self,
        submission: &Submission,
        terms: &ClaimTerms<'_>,
    ) -> Result<Claim, Error> {
        let id = submission.job_id;
        let mut tx = self.write().await?;
        let mut row = JobRow::lock_or_insert(&mut tx, submission).await?;
        if row.request_hash != submission.request_hash {
            tx.rollback().await?;
            return Ok(Claim::KeyConflict);
        }
        // Only now: the wait for the row must not shorten the lease.
        let now = self.now();
        if row.status == Status::Running && row.claim_id != Some(terms.claim_id) {
            let observed = row.observed;
            if terms.observed_lease != Some(observed) {
                tx.commit().await?;
                return Ok(Claim::LeasedByOther {
                    observed,
                    expired: observed.expires_at <= now,
                });
            }
            transitions::expire_lease(&mut tx, id, now).await?;
            row = JobRow::lock_or_insert(&mut tx, submission).await?;
        }
        let claim = match row.status {
            // This very claim was granted before, and its answer got lost.
            Status::Running => {
                let epoch = row.observed.epoch;
                granted(&mut tx, Lease { job_id: id, epoch }, row.attempt).await?
            }
            Status::Queued if row.cancel_requested => {
                transitions::cancel(&mut tx, id, now).await?;
                Claim::Ended(Status::Cancelled)
            }
            Status::Queued if row.attempt >= terms.max_attempts => {
                transitions::fail(&mut tx, id, now).await?;
                Claim::Exhausted
            }
            Status::Queued if row.interruptions > 0 && !terms.alone => Claim::MustRunAlone,
            Status::Queued => {
                let (lease, attempt) = transitions::grant(&mut tx, id, terms, now).await?;
                granted(&mut tx, lease, attempt).await?
            }
            ended => Claim::Ended(ended),
        };
        tx.commit().await?;
        Ok(claim)
    }
}

async fn granted(tx: &mut Connection, lease: Lease, attempt: u32) -> Result<Claim, Error> {
    // Attempts that were not charged have left results too: only the first lease finds none.
    if lease.epoch == FIRST_EPOCH {
        return Ok(Claim::Granted {
            lease,
            attempt,
            finished: Vec::new(),
        });
    }
    let finished = sqlx::query(
        "SELECT position, result, baseline_id, regression FROM evaluations WHERE job_id = $1 AND result IS NOT NULL",
    )
    .bind(lease.job_id)
    .fetch_all(tx)
    .await?;
    let finished = finished
        .iter()
        .map(rows::evaluation)
        .collect::<Result<_, _>>()?;
    Ok(Claim::Granted {
        lease,
        attempt,
        finished,
    })
}
