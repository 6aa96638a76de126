//! Jobs, as workers hold them: every write is guarded by the lease's epoch.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{Row as _, SqliteConnection};
use tars_engine::regression::Verdict;
use uuid::Uuid;

use super::{Sqlite, rows};
use crate::job::{EnvironmentResult, FailureKind};
use crate::store::{Claim, ClaimTerms, Comparison, Ending, Error, Failed, Heartbeat, Lease, Leases, Standing};
use crate::submission::Submission;

/// Notes a failed attempt.
pub(super) async fn record_failure(
    tx: &mut SqliteConnection,
    job_id: Uuid,
    attempt: u32,
    failed: &Failed,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO job_failures (job_id, attempt, at, kind, reason) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (job_id, attempt) DO NOTHING",
    )
    .bind(job_id)
    .bind(attempt)
    .bind(at)
    .bind(failed.kind.as_str())
    .bind(&failed.reason)
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes the lease from a worker that is gone: its attempt is noted as failed, and what it still writes changes nothing.
pub(super) async fn void(tx: &mut SqliteConnection, job_id: Uuid, now: DateTime<Utc>) -> Result<(), Error> {
    let row = sqlx::query("SELECT attempt, lease_owner FROM jobs WHERE id = $1 AND status = 'running'")
        .bind(job_id)
        .fetch_optional(&mut *tx)
        .await?;
    let Some(row) = row else { return Ok(()) };
    let holder: Option<String> = row.try_get("lease_owner")?;
    let reason = format!("worker {} stopped renewing its lease", holder.unwrap_or_default());
    let lost = Failed { kind: FailureKind::WorkerLost, reason };
    record_failure(&mut *tx, job_id, row.try_get("attempt")?, &lost, now).await?;
    sqlx::query(
        "UPDATE jobs SET status = 'queued', lease_owner = NULL, lease_expires_at = NULL, dispatched_at = NULL \
         WHERE id = $1",
    )
    .bind(job_id)
    .execute(tx)
    .await?;
    Ok(())
}

/// The row of a live lease, to put after `UPDATE jobs SET …`. Parameters 1 and 2 are the job and the epoch.
macro_rules! update_leased {
    ($set:literal) => {
        concat!(
            "UPDATE jobs SET ",
            $set,
            " WHERE id = $1 AND lease_epoch = $2 AND status = 'running' RETURNING attempt"
        )
    };
}

#[async_trait]
impl Leases for Sqlite {
    async fn claim(&self, submission: &Submission, terms: &ClaimTerms<'_>) -> Result<Claim, Error> {
        self.claim_in_one_transaction(submission, terms).await
    }

    async fn renew(&self, term: Duration, heartbeats: &[Heartbeat]) -> Result<Vec<Standing>, Error> {
        let expiry = self.clock.now() + term;
        let mut tx = self.write().await?;
        let mut standings = Vec::with_capacity(heartbeats.len());
        for heartbeat in heartbeats {
            let row = sqlx::query(
                "UPDATE jobs SET lease_expires_at = $3, episodes_done = $4 \
                 WHERE id = $1 AND lease_epoch = $2 AND status = 'running' RETURNING cancel_requested",
            )
            .bind(heartbeat.lease.job_id)
            .bind(heartbeat.lease.epoch)
            .bind(expiry)
            .bind(heartbeat.episodes_done)
            .fetch_optional(&mut *tx)
            .await?;
            standings.push(match row {
                None => Standing::Lost,
                Some(row) if row.try_get("cancel_requested")? => Standing::CancelRequested,
                Some(_) => Standing::Held,
            });
        }
        tx.commit().await?;
        Ok(standings)
    }

    async fn record_result(&self, lease: Lease, position: usize, result: &EnvironmentResult) -> Result<bool, Error> {
        let written = sqlx::query(
            "UPDATE evaluations SET result = $4 WHERE job_id = $1 AND position = $3 \
             AND EXISTS (SELECT 1 FROM jobs WHERE id = $1 AND lease_epoch = $2 AND status = 'running')",
        )
        .bind(lease.job_id)
        .bind(lease.epoch)
        .bind(u32::try_from(position).unwrap_or(u32::MAX))
        .bind(Json(result))
        .execute(&self.writer)
        .await?;
        Ok(written.rows_affected() == 1)
    }

    async fn finish(&self, lease: Lease, ending: &Ending) -> Result<bool, Error> {
        let now = self.clock.now();
        let mut tx = self.write().await?;
        let (status, verdict) = match ending {
            Ending::Completed(comparisons) => ("completed", worst_verdict(comparisons)),
            Ending::Failed(_) => ("failed", None),
            Ending::Cancelled => ("cancelled", None),
        };
        let row = sqlx::query(update_leased!(
            "status = $3, finished_at = $4, verdict = $5, lease_owner = NULL, lease_expires_at = NULL, \
             episodes_done = CASE WHEN $3 = 'completed' THEN episodes_total ELSE episodes_done END"
        ))
        .bind(lease.job_id)
        .bind(lease.epoch)
        .bind(status)
        .bind(now)
        .bind(verdict.map(rows::text).transpose()?)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else { return Ok(false) };
        match ending {
            Ending::Completed(comparisons) => record_comparisons(&mut tx, lease.job_id, comparisons).await?,
            Ending::Failed(failed) => {
                record_failure(&mut tx, lease.job_id, row.try_get("attempt")?, failed, now).await?;
            }
            Ending::Cancelled => {}
        }
        tx.commit().await?;
        Ok(true)
    }

    async fn retry_later(&self, lease: Lease, failure: &Failed, not_before: DateTime<Utc>) -> Result<bool, Error> {
        let mut tx = self.write().await?;
        let row = sqlx::query(update_leased!(
            "status = 'queued', not_before = $3, dispatched_at = NULL, lease_owner = NULL, lease_expires_at = NULL"
        ))
        .bind(lease.job_id)
        .bind(lease.epoch)
        .bind(not_before)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else { return Ok(false) };
        record_failure(&mut tx, lease.job_id, row.try_get("attempt")?, failure, self.clock.now()).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn hand_back(&self, lease: Lease) -> Result<bool, Error> {
        let row = sqlx::query(update_leased!(
            "status = 'queued', attempt = attempt - 1, lease_owner = NULL, lease_expires_at = NULL"
        ))
        .bind(lease.job_id)
        .bind(lease.epoch)
        .fetch_optional(&self.writer)
        .await?;
        Ok(row.is_some())
    }
}

async fn record_comparisons(
    tx: &mut SqliteConnection,
    job_id: Uuid,
    comparisons: &[Option<Comparison>],
) -> Result<(), Error> {
    for (position, comparison) in (0_u32..).zip(comparisons) {
        let Some(comparison) = comparison else { continue };
        sqlx::query("UPDATE evaluations SET baseline_id = $3, regression = $4 WHERE job_id = $1 AND position = $2")
            .bind(job_id)
            .bind(position)
            .bind(comparison.baseline_id)
            .bind(comparison.regression.as_ref().map(Json))
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// A regression anywhere is a regression; without one, doubt anywhere is doubt.
fn worst_verdict(comparisons: &[Option<Comparison>]) -> Option<Verdict> {
    let verdicts = comparisons.iter().flatten().filter_map(|comparison| comparison.regression.as_ref());
    verdicts.map(|regression| regression.verdict).max_by_key(|verdict| match verdict {
        Verdict::Pass => 0,
        Verdict::Inconclusive => 1,
        Verdict::Regression => 2,
    })
}
