//! Taking a job: one guarded update decides who works on it.

use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use uuid::Uuid;

use super::leases::void;
use super::{Sqlite, jobs, rows};
use crate::job::Status;
use crate::store::{Claim, ClaimTerms, Error, Lease};
use crate::submission::Submission;

/// The row of a job as a claim finds it.
struct Found {
    status: Status,
    attempt: u32,
    cancel_requested: bool,
    /// Its lease is live.
    taken: bool,
}

impl Found {
    fn read(row: &SqliteRow, terms: &ClaimTerms<'_>, now: DateTime<Utc>) -> Result<Self, Error> {
        let status = rows::status(row)?;
        let lease_expires_at: Option<DateTime<Utc>> = row.try_get("lease_expires_at")?;
        Ok(Self {
            status,
            attempt: row.try_get("attempt")?,
            cancel_requested: row.try_get("cancel_requested")?,
            taken: !terms.redelivered && lease_expires_at.is_some_and(|expiry| expiry > now),
        })
    }
}

impl Sqlite {
    pub(super) async fn claim_in_one_transaction(
        &self,
        submission: &Submission,
        terms: &ClaimTerms<'_>,
    ) -> Result<Claim, Error> {
        let now = self.clock.now();
        let id = submission.job_id;
        let mut tx = self.write().await?;
        jobs::insert(&mut tx, submission).await?;
        let row = sqlx::query("SELECT status, attempt, cancel_requested, lease_expires_at FROM jobs WHERE id = $1")
            .bind(id)
            .fetch_one(&mut *tx)
            .await?;
        let found = Found::read(&row, terms, now)?;
        let claim = if found.status.is_terminal() {
            Claim::Ended(found.status)
        } else if found.taken {
            Claim::Spare
        } else {
            void(&mut tx, id, now).await?;
            if found.cancel_requested {
                end(&mut tx, id, Status::Cancelled, now).await?
            } else if found.attempt >= terms.max_attempts {
                end(&mut tx, id, Status::Failed, now).await?
            } else {
                grant(&mut tx, id, terms, now).await?
            }
        };
        tx.commit().await?;
        Ok(claim)
    }
}

async fn end(tx: &mut SqliteConnection, id: Uuid, status: Status, now: DateTime<Utc>) -> Result<Claim, Error> {
    sqlx::query("UPDATE jobs SET status = $2, finished_at = $3 WHERE id = $1")
        .bind(id)
        .bind(status.as_str())
        .bind(now)
        .execute(tx)
        .await?;
    Ok(Claim::Ended(status))
}

async fn grant(
    tx: &mut SqliteConnection,
    id: Uuid,
    terms: &ClaimTerms<'_>,
    now: DateTime<Utc>,
) -> Result<Claim, Error> {
    let row = sqlx::query(
        "UPDATE jobs SET status = 'running', attempt = attempt + 1, lease_epoch = lease_epoch + 1, lease_owner = $2, \
         lease_expires_at = $3, started_at = coalesce(started_at, $4), not_before = NULL, dispatched_at = $4 \
         WHERE id = $1 RETURNING attempt, lease_epoch",
    )
    .bind(id)
    .bind(terms.worker)
    .bind(now + terms.term)
    .bind(now)
    .fetch_one(&mut *tx)
    .await?;
    let finished = sqlx::query(
        "SELECT position, result, baseline_id, regression FROM evaluations WHERE job_id = $1 AND result IS NOT NULL",
    )
    .bind(id)
    .fetch_all(tx)
    .await?;
    Ok(Claim::Granted {
        lease: Lease { job_id: id, epoch: row.try_get("lease_epoch")? },
        attempt: row.try_get("attempt")?,
        finished: finished.iter().map(rows::evaluation).collect::<Result<_, _>>()?,
    })
}
