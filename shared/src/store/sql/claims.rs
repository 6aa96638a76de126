//! Taking a job: one guarded update decides who works on it.

use std::slice::from_ref;

use chrono::{DateTime, Utc};
use sqlx::Row as _;
use uuid::Uuid;

use super::{Adapter, Connection, inserts, rows, transitions};
use crate::job::Status;
use crate::store::{Claim, ClaimTerms, Error, Inserted, Lease, ObservedLease};
use crate::submission::Submission;

/// The row of a job as a claim finds it.
struct JobRow {
    status: Status,
    attempt: u32,
    interruptions: u32,
    cancel_requested: bool,
    /// The claim that its worker holds it by.
    claim_id: Option<Uuid>,
    observed: ObservedLease,
}

impl JobRow {
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
        if inserts::insert(&mut tx, from_ref(submission)).await? == [Inserted::Conflict] {
            tx.rollback().await?;
            return Ok(Claim::KeyConflict);
        }
        let mut row = JobRow::lock(&mut tx, id).await?;
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
            row = JobRow::lock(&mut tx, id).await?;
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
