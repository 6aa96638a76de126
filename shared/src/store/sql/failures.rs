//! What is kept of failures: the failed attempts of a job, and the dead letter of one that failed
//! for good.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Connection, rows};
use crate::store::{Error, Failed};

/// Notes a failed attempt.
pub(super) async fn record(
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

/// Adds the dead letter of a job that has just failed, with the last of its failures.
pub(super) async fn dead_letter(
    tx: &mut Connection,
    job_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO dead_letters (id, job_id, at, kind, reason) SELECT job_id, job_id, $2, kind, reason \
         FROM job_failures WHERE job_id = $1 ORDER BY attempt DESC LIMIT 1 ON CONFLICT (id) DO NOTHING",
    )
    .bind(job_id)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}
