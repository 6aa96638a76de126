//! Jobs, as workers hold them: every write is guarded by the lease's epoch.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{QueryBuilder, Row as _};
use tars_engine::regression::Verdict;
use uuid::Uuid;

use super::{Adapter, Connection, dead_letters, rows};
use crate::job::{EnvironmentResult, FailureKind};
use crate::store::{
    Claim, ClaimTerms, Comparison, Ending, Error, Failed, Heartbeat, Lease, Leases, Renewal,
};
use crate::submission::Submission;

/// Notes a failed attempt.
pub(super) async fn record_failure(
    tx: &mut Connection,
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
    .bind(i64::from(attempt))
    .bind(at)
    .bind(failed.kind.as_str())
    .bind(rows::storable(&failed.reason))
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes the lease from a worker that is gone; what it still writes changes nothing. If the job ran
/// alone, its attempt is noted as failed. If others ran beside it, any of them may have brought the
/// worker down: nobody is charged, and from now on it runs alone.
pub(super) async fn void(
    tx: &mut Connection,
    job_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let row = sqlx::query(
        "SELECT attempt, lease_owner, lease_alone FROM jobs WHERE id = $1 AND status = 'running'",
    )
    .bind(job_id)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(()) };
    let holder: Option<String> = row.try_get("lease_owner")?;
    let holder = holder.unwrap_or_default();
    let alone: bool = row.try_get("lease_alone")?;
    if alone {
        let reason = format!("worker {holder} vanished while it ran this job alone");
        let lost = Failed {
            kind: FailureKind::WorkerLost,
            reason,
        };
        record_failure(&mut *tx, job_id, rows::number(&row, "attempt")?, &lost, now).await?;
    } else {
        tracing::warn!(job.id = %job_id, worker = holder, "a worker vanished with several jobs: this one runs alone next");
    }
    sqlx::query(
        "UPDATE jobs SET status = 'queued', lease_owner = NULL, lease_expires_at = NULL, dispatched_at = NULL, \
         attempt = attempt - $2, interruptions = interruptions + $2 WHERE id = $1",
    )
    .bind(job_id)
    .bind(i64::from(!alone))
    .execute(tx)
    .await?;
    Ok(())
}

/// The row of a live lease, to put after `UPDATE jobs SET …`. Parameters 1 and 2 are the job and
/// the epoch.
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
impl Leases for Adapter {
    async fn claim(&self, submission: &Submission, terms: &ClaimTerms<'_>) -> Result<Claim, Error> {
        self.claim_in_one_transaction(submission, terms).await
    }

    async fn renew(&self, term: Duration, heartbeats: &[Heartbeat]) -> Result<Vec<Renewal>, Error> {
        if heartbeats.is_empty() {
            return Ok(Vec::new());
        }
        let mut update = QueryBuilder::new("UPDATE jobs SET lease_expires_at = ");
        update
            .push_bind(self.now() + term)
            .push(", episodes_done = beat.column3 FROM (");
        update.push_values(heartbeats, |mut row, heartbeat| {
            row.push_bind(heartbeat.lease.job_id);
            row.push_bind(i64::from(heartbeat.lease.epoch))
                .push_bind(i64::from(heartbeat.episodes_done));
        });
        update.push(
            ") AS beat WHERE id = beat.column1 AND lease_epoch = beat.column2 AND status = 'running' \
             RETURNING id, lease_epoch, cancel_requested",
        );
        let mut tx = self.write().await?;
        let renewed = update.build().fetch_all(&mut *tx).await?;
        tx.commit().await?;
        let mut standings = HashMap::with_capacity(renewed.len());
        for row in &renewed {
            let lease = Lease {
                job_id: row.try_get("id")?,
                epoch: rows::number(row, "lease_epoch")?,
            };
            let cancelled: bool = row.try_get("cancel_requested")?;
            standings.insert(
                lease,
                if cancelled {
                    Renewal::CancelRequested
                } else {
                    Renewal::Renewed
                },
            );
        }
        let standing = |heartbeat: &Heartbeat| {
            standings
                .get(&heartbeat.lease)
                .copied()
                .unwrap_or(Renewal::Lost)
        };
        Ok(heartbeats.iter().map(standing).collect())
    }

    async fn record_result(
        &self,
        lease: Lease,
        position: usize,
        result: &EnvironmentResult,
    ) -> Result<bool, Error> {
        let mut tx = self.write().await?;
        // The row of the job is locked, so that the lease cannot change hands between the look and
        // the write.
        let held = sqlx::query(concat!(
            "SELECT 1 FROM jobs WHERE id = $1 AND lease_epoch = $2 AND status = 'running'",
            for_update!()
        ))
        .bind(lease.job_id)
        .bind(i64::from(lease.epoch))
        .fetch_optional(&mut *tx)
        .await?;
        if held.is_none() {
            tx.rollback().await?;
            return Ok(false);
        }
        let written =
            sqlx::query("UPDATE evaluations SET result = $3 WHERE job_id = $1 AND position = $2")
                .bind(lease.job_id)
                .bind(i64::try_from(position).unwrap_or(i64::MAX))
                .bind(Json(result))
                .execute(&mut *tx)
                .await?;
        tx.commit().await?;
        Ok(written.rows_affected() == 1)
    }

    async fn finish(&self, lease: Lease, ending: &Ending) -> Result<bool, Error> {
        let now = self.now();
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
        .bind(i64::from(lease.epoch))
        .bind(status)
        .bind(now)
        .bind(verdict.map(rows::text).transpose()?)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else {
            tx.rollback().await?;
            return Ok(false);
        };
        match ending {
            Ending::Completed(comparisons) => {
                record_comparisons(&mut tx, lease.job_id, comparisons).await?;
            }
            Ending::Failed(failed) => {
                record_failure(
                    &mut tx,
                    lease.job_id,
                    rows::number(&row, "attempt")?,
                    failed,
                    now,
                )
                .await?;
                dead_letters::of_failed_job(&mut tx, lease.job_id, now).await?;
            }
            Ending::Cancelled => {}
        }
        tx.commit().await?;
        Ok(true)
    }

    async fn retry_later(
        &self,
        lease: Lease,
        failure: &Failed,
        not_before: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let mut tx = self.write().await?;
        let row = sqlx::query(update_leased!(
            "status = 'queued', not_before = $3, dispatched_at = NULL, lease_owner = NULL, lease_expires_at = NULL"
        ))
        .bind(lease.job_id)
        .bind(i64::from(lease.epoch))
        .bind(not_before)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else {
            tx.rollback().await?;
            return Ok(false);
        };
        record_failure(
            &mut tx,
            lease.job_id,
            rows::number(&row, "attempt")?,
            failure,
            self.now(),
        )
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn release(&self, lease: Lease) -> Result<bool, Error> {
        let mut tx = self.write().await?;
        let row = sqlx::query(update_leased!(
            "status = 'queued', attempt = attempt - 1, lease_owner = NULL, lease_expires_at = NULL"
        ))
        .bind(lease.job_id)
        .bind(i64::from(lease.epoch))
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(row.is_some())
    }
}

async fn record_comparisons(
    tx: &mut Connection,
    job_id: Uuid,
    comparisons: &[Option<Comparison>],
) -> Result<(), Error> {
    for (position, comparison) in (0_i64..).zip(comparisons) {
        let Some(comparison) = comparison else {
            continue;
        };
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
    let verdicts = comparisons
        .iter()
        .flatten()
        .filter_map(|comparison| comparison.regression.as_ref());
    verdicts
        .map(|regression| regression.verdict)
        .max_by_key(|verdict| match verdict {
            Verdict::Pass => 0,
            Verdict::Inconclusive => 1,
            Verdict::Regression => 2,
        })
}
