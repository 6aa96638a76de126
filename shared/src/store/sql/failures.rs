//! What is kept of failures: the failed attempts of a job, and the dead letter of one that failed
//! for good.

use chrono::{DateTime, Utc};
use sqlx::Row as _;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Connection, Row, rows};
use crate::dead_letter;
use crate::request::Parameters;
use crate::store::{Error, Failed};

/// Notes a failed attempt, and who made it.
pub(super) async fn record(
    tx: &mut Connection,
    job_id: Uuid,
    attempt: u32,
    failed: &Failed,
    worker: Option<&str>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO job_failures (job_id, attempt, at, kind, reason, worker) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (job_id, attempt) DO NOTHING",
    )
    .bind(job_id)
    .bind(i64::from(attempt))
    .bind(at)
    .bind(failed.kind.as_str())
    .bind(rows::storable(&failed.reason))
    .bind(worker.map(rows::storable))
    .execute(tx)
    .await?;
    Ok(())
}

/// Who holds the lease of a job, or held it last.
pub(super) async fn holder(tx: &mut Connection, job_id: Uuid) -> Result<Option<String>, Error> {
    let holder: Option<Option<String>> =
        sqlx::query_scalar("SELECT lease_owner FROM jobs WHERE id = $1")
            .bind(job_id)
            .fetch_optional(tx)
            .await?;
    Ok(holder.flatten())
}

/// Adds the dead letter of a job that has just failed, with the last of its failures.
pub(super) async fn dead_letter(
    tx: &mut Connection,
    job_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let failed = sqlx::query(
        "SELECT kind, reason, parameters FROM job_failures JOIN jobs ON jobs.id = job_id \
         WHERE job_id = $1 ORDER BY job_failures.attempt DESC LIMIT 1",
    )
    .bind(job_id)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(failed) = failed else { return Ok(()) };
    let fingerprint = fingerprint(&failed)?;
    sqlx::query(
        "INSERT INTO dead_letters (id, job_id, at, kind, reason, fingerprint, replays) VALUES ($1, $1, $2, $3, $4, $5, \
         coalesce((SELECT letter.replays + 1 FROM dead_letters AS letter JOIN jobs ON jobs.retry_of = letter.job_id \
         WHERE jobs.id = $1), 0)) ON CONFLICT (id) DO NOTHING",
    )
    .bind(job_id)
    .bind(now)
    .bind(failed.try_get::<String, _>("kind")?)
    .bind(failed.try_get::<String, _>("reason")?)
    .bind(fingerprint)
    .execute(tx)
    .await?;
    Ok(())
}

/// The fingerprint of a row with a kind, a reason and perhaps the parameters of a job.
pub(super) fn fingerprint(row: &Row) -> Result<String, Error> {
    let parameters = row.try_get::<Option<Json<Parameters>>, _>("parameters")?;
    let parameters = parameters.map(|json| json.0);
    let agent_type = parameters.as_ref().map(|one| rows::text(one.agent_type));
    let environments = parameters.iter().flat_map(|one| &one.environments);
    Ok(dead_letter::fingerprint(
        rows::word(row.try_get("kind")?)?,
        row.try_get("reason")?,
        &agent_type.transpose()?.unwrap_or_default(),
        environments.map(String::as_str),
    ))
}
