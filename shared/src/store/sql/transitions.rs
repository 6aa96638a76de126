//! Every change of a job's status. A job begins as queued, in `inserts`.
//!
//! ```text
//! queued ── grant ──► running ── finish ──► completed | failed | cancelled
//!   │ ▲                  │
//!   │ └── retry_later, release, expire_lease
//!   └──── cancel, fail ──► cancelled | failed
//! ```

use chrono::{DateTime, Utc};
use sqlx::{QueryBuilder, Row as _};
use tars_engine::regression::Verdict;
use uuid::Uuid;

use super::{Connection, Row, Statement, failures, push_ids, rows};
use crate::job::{FailureKind, Status};
use crate::store::{Cancellation, ClaimTerms, Comparison, Ending, Error, Failed, Lease};

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

/// Queued to running, for a statement that binds or selects these.
macro_rules! grant_job {
    ($worker:literal, $expires:literal, $now:literal, $message:literal, $claim:literal, $alone:literal) => {
        concat!(
            "UPDATE jobs SET status = 'running', attempt = attempt + 1, lease_epoch = lease_epoch + 1, lease_owner = ",
            $worker,
            ", lease_expires_at = ",
            $expires,
            ", lease_message = ",
            $message,
            ", lease_claim = ",
            $claim,
            ", lease_alone = ",
            $alone,
            ", started_at = coalesce(started_at, ",
            $now,
            "), not_before = NULL, dispatched_at = ",
            $now,
        )
    };
}

/// Queued to running, for one whose row is locked. Gives the lease and the number of the attempt.
pub(super) async fn grant(
    tx: &mut Connection,
    job_id: Uuid,
    terms: &ClaimTerms,
    now: DateTime<Utc>,
) -> Result<(Lease, u32), Error> {
    let row = sqlx::query(concat!(
        grant_job!("$2", "$3", "$4", "$5", "$6", "$7"),
        " WHERE id = $1 RETURNING attempt, lease_epoch",
    ))
    .bind(job_id)
    .bind(&*terms.worker)
    .bind(now + terms.term)
    .bind(now)
    .bind(terms.message_id)
    .bind(terms.claim_id)
    .bind(terms.alone)
    .fetch_one(tx)
    .await?;
    granted(job_id, &row)
}

/// What a grant gave: the lease and the number of the attempt.
pub(super) fn granted(job_id: Uuid, row: &Row) -> Result<(Lease, u32), Error> {
    let epoch = rows::number(row, "lease_epoch")?;
    Ok((Lease { job_id, epoch }, rows::number(row, "attempt")?))
}

/// Running to an end, for a statement that binds or selects these.
macro_rules! finish_job {
    ($status:literal, $now:literal, $verdict:literal) => {
        concat!(
            "UPDATE jobs SET status = ",
            $status,
            ", finished_at = ",
            $now,
            ", verdict = ",
            $verdict,
            ", lease_owner = NULL, lease_expires_at = NULL, episodes_done = CASE WHEN ",
            $status,
            " = 'completed' THEN episodes_total ELSE episodes_done END",
        )
    };
}

/// The status that a job ends in, and its verdict.
pub(super) fn ended(ending: &Ending) -> Result<(Status, Option<String>), Error> {
    let (status, verdict) = match ending {
        Ending::Completed(comparisons) => (Status::Completed, worst_verdict(comparisons)),
        Ending::Failed(_) => (Status::Failed, None),
        Ending::Cancelled => (Status::Cancelled, None),
    };
    Ok((status, verdict.map(rows::text).transpose()?))
}

/// Running to an end, by the holder of its lease. Gives the attempt that ended it; none where the
/// lease is lost.
pub(super) async fn finish(
    tx: &mut Connection,
    lease: Lease,
    ending: &Ending,
    now: DateTime<Utc>,
) -> Result<Option<u32>, Error> {
    let (status, verdict) = ended(ending)?;
    let row = sqlx::query(concat!(
        finish_job!("$3", "$4", "$5"),
        " WHERE id = $1 AND lease_epoch = $2 AND status = 'running' RETURNING attempt",
    ))
    .bind(lease.job_id)
    .bind(i64::from(lease.epoch))
    .bind(status.as_str())
    .bind(now)
    .bind(verdict)
    .fetch_optional(tx)
    .await?;
    row.map(|row| rows::number(&row, "attempt")).transpose()
}

/// Running to queued after a failed attempt. False: the lease is lost.
pub(super) async fn retry_later(
    tx: &mut Connection,
    lease: Lease,
    failed: &Failed,
    not_before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let holder = failures::holder(&mut *tx, lease.job_id).await?;
    let row = sqlx::query(update_leased!(
        "status = 'queued', not_before = $3, dispatched_at = NULL, lease_owner = NULL, lease_expires_at = NULL"
    ))
    .bind(lease.job_id)
    .bind(i64::from(lease.epoch))
    .bind(not_before)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(false) };
    let attempt = rows::number(&row, "attempt")?;
    let holder = holder.as_deref();
    failures::record(tx, lease.job_id, attempt, failed, holder, now).await?;
    Ok(true)
}

/// Running to queued, the attempt not charged. No row comes back: the lease is lost.
pub(super) fn release(lease: Lease) -> Statement<'static> {
    sqlx::query(update_leased!(
        "status = 'queued', attempt = attempt - 1, lease_owner = NULL, lease_expires_at = NULL"
    ))
    .bind(lease.job_id)
    .bind(i64::from(lease.epoch))
}

/// Running to queued, because its worker is gone; what that one still writes changes nothing. If
/// the job ran alone, its attempt is noted as failed. If others ran beside it, any of them may have
/// brought the worker down: none is charged, and from now on it runs alone.
pub(super) async fn expire_lease(
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
        let lost = Failed {
            kind: FailureKind::WorkerLost,
            reason: format!("worker {holder} vanished while it ran this job alone"),
        };
        let attempt = rows::number(&row, "attempt")?;
        failures::record(&mut *tx, job_id, attempt, &lost, Some(&holder), now).await?;
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

/// Queued to cancelled, because its owner asked for it while it ran or while it waits.
pub(super) async fn cancel(
    tx: &mut Connection,
    job_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    cancel_all(tx, &[job_id], now).await
}

/// The same for many, whose rows are locked. They may have been set aside.
pub(super) async fn cancel_all(
    tx: &mut Connection,
    queued: &[Uuid],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if queued.is_empty() {
        return Ok(());
    }
    let mut update = QueryBuilder::new(
        "UPDATE jobs SET status = 'cancelled', cancel_requested = TRUE, finished_at = ",
    );
    push_ids(update.push_bind(now).push(" WHERE id "), queued);
    update.build().execute(&mut *tx).await?;
    let mut release = QueryBuilder::new("DELETE FROM held_jobs WHERE job_id ");
    push_ids(&mut release, queued);
    release.build().execute(tx).await?;
    Ok(())
}

/// Asks the workers of running jobs to stop.
pub(super) async fn ask_to_end(tx: &mut Connection, running: &[Uuid]) -> Result<(), Error> {
    if running.is_empty() {
        return Ok(());
    }
    let mut update = QueryBuilder::new("UPDATE jobs SET cancel_requested = TRUE WHERE id ");
    push_ids(&mut update, running);
    update.build().execute(tx).await?;
    Ok(())
}

/// Queued to failed, because its attempts are spent.
pub(super) async fn fail(
    tx: &mut Connection,
    job_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query("UPDATE jobs SET status = 'failed', finished_at = $2 WHERE id = $1")
        .bind(job_id)
        .bind(now)
        .execute(&mut *tx)
        .await?;
    failures::dead_letter(tx, job_id, now).await
}

/// Cancels a queued job, asks the worker of a running one to stop.
pub(super) async fn request_cancellation(
    tx: &mut Connection,
    job_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Cancellation>, Error> {
    let row = sqlx::query(concat!(
        "SELECT status FROM jobs WHERE id = $1",
        for_update!()
    ))
    .bind(job_id)
    .fetch_optional(&mut *tx)
    .await?;
    Ok(match row.as_ref().map(rows::status).transpose()? {
        None => None,
        Some(Status::Queued) => {
            cancel(tx, job_id, now).await?;
            Some(Cancellation::Cancelled)
        }
        Some(Status::Running) => {
            ask_to_end(tx, &[job_id]).await?;
            Some(Cancellation::Requested)
        }
        Some(ended) => Some(Cancellation::Ended(ended)),
    })
}

/// A regression anywhere is a regression; without one, an inconclusive comparison anywhere is
/// inconclusive.
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
