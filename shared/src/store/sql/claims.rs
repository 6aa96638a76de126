//! Taking a job: one guarded update decides who works on it.

use chrono::{DateTime, Utc};
use sqlx::Row as _;
use uuid::Uuid;

use super::leases::void;
use super::{Adapter, Connection, dead_letters, jobs, rows};
use crate::job::Status;
use crate::store::{Claim, ClaimTerms, Error, Inserted, Lease, ObservedLease};
use crate::submission::Submission;

/// The row of a job as a claim finds it.
struct Found {
    status: Status,
    attempt: u32,
    interruptions: u32,
    cancel_requested: bool,
    /// The claim that its worker holds it by.
    claim_id: Option<Uuid>,
    observed: ObservedLease,
}

impl Found {
    async fn lock(tx: &mut Connection, id: Uuid) -> Result<Self, Error> {
        let row = sqlx::query(concat!(
            "SELECT status, attempt, interruptions, cancel_requested, lease_claim, lease_epoch, lease_message, \
             lease_expires_at FROM jobs WHERE id = $1",
            for_update!()
        ))
        .bind(id)
        .fetch_one(tx)
        .await?;
        Ok(Self {
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
        })
    }
}

impl Adapter {
    pub(super) async fn claim_in_one_transaction(
        &self,
        submission: &Submission,
        terms: &ClaimTerms<'_>,
    ) -> Result<Claim, Error> {
        let id = submission.job_id;
        let mut tx = self.write().await?;
        if jobs::insert(&mut tx, submission).await? == Inserted::Conflict {
            tx.rollback().await?;
            return Ok(Claim::KeyConflict);
        }
        let mut found = Found::lock(&mut tx, id).await?;
        // Only now: the wait for the row must not shorten the lease.
        let now = self.now();
        if found.status == Status::Running && found.claim_id != Some(terms.claim_id) {
            let observed = found.observed;
            if terms.observed_lease != Some(observed) {
                tx.commit().await?;
                return Ok(Claim::LeasedByOther {
                    observed,
                    expired: observed.expires_at <= now,
                });
            }
            void(&mut tx, id, now).await?;
            found = Found::lock(&mut tx, id).await?;
        }
        let claim = match found.status {
            // This very claim was granted before, and its answer got lost.
            Status::Running => granted(&mut tx, id, found.observed.epoch, found.attempt).await?,
            Status::Queued if found.cancel_requested => {
                end(&mut tx, id, Status::Cancelled, now).await?;
                Claim::Ended(Status::Cancelled)
            }
            Status::Queued if found.attempt >= terms.max_attempts => {
                end(&mut tx, id, Status::Failed, now).await?;
                dead_letters::of_failed_job(&mut tx, id, now).await?;
                Claim::Exhausted
            }
            Status::Queued if found.interruptions > 0 && !terms.alone => Claim::MustRunAlone,
            Status::Queued => grant(&mut tx, id, terms, now).await?,
            ended => Claim::Ended(ended),
        };
        tx.commit().await?;
        Ok(claim)
    }
}

/// Ends a job that no worker holds.
pub(super) async fn end(
    tx: &mut Connection,
    id: Uuid,
    status: Status,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query("UPDATE jobs SET status = $2, finished_at = $3 WHERE id = $1")
        .bind(id)
        .bind(status.as_str())
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

async fn grant(
    tx: &mut Connection,
    id: Uuid,
    terms: &ClaimTerms<'_>,
    now: DateTime<Utc>,
) -> Result<Claim, Error> {
    let row = sqlx::query(
        "UPDATE jobs SET status = 'running', attempt = attempt + 1, lease_epoch = lease_epoch + 1, lease_owner = $2, \
         lease_expires_at = $3, lease_message = $5, lease_claim = $6, lease_alone = $7, \
         started_at = coalesce(started_at, $4), not_before = NULL, dispatched_at = $4 WHERE id = $1 \
         RETURNING attempt, lease_epoch",
    )
    .bind(id)
    .bind(terms.worker)
    .bind(now + terms.term)
    .bind(now)
    .bind(terms.message_id)
    .bind(terms.claim_id)
    .bind(terms.alone)
    .fetch_one(&mut *tx)
    .await?;
    granted(
        tx,
        id,
        rows::number(&row, "lease_epoch")?,
        rows::number(&row, "attempt")?,
    )
    .await
}

async fn granted(tx: &mut Connection, id: Uuid, epoch: u32, attempt: u32) -> Result<Claim, Error> {
    let finished = sqlx::query(
        "SELECT position, result, baseline_id, regression FROM evaluations WHERE job_id = $1 AND result IS NOT NULL",
    )
    .bind(id)
    .fetch_all(tx)
    .await?;
    let finished = finished
        .iter()
        .map(rows::evaluation)
        .collect::<Result<_, _>>()?;
    Ok(Claim::Granted {
        lease: Lease { job_id: id, epoch },
        attempt,
        finished,
    })
}
