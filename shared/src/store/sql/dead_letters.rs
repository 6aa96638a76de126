//! Dead letters: jobs that failed for good, and messages that the queue gave up on.

use std::slice::from_ref;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;
use uuid::Uuid;

use super::{Adapter, Connection, failures, inserts, rows, transitions};
use crate::dead_letter::{DeadLetter, DeadLetterFilter};
use crate::job::FailureKind;
use crate::queue::DeadMessage;
use crate::store::{DeadLetters, Error, Failed, Inserted};
use crate::submission::Submission;

/// What is listed: all but the bytes, which may be megabytes.
const LISTED: &str =
    "SELECT id, job_id, at, kind, reason, NULL AS body FROM dead_letters WHERE TRUE";

/// Charges a queued job for a message that nobody finished with, and lets the dispatcher publish a
/// new one; fails it when its attempts are spent. False: the message is not this job's.
async fn charge(
    tx: &mut Connection,
    submission: &Submission,
    reason: &str,
    max_attempts: u32,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let id = submission.job_id;
    if inserts::insert(&mut *tx, from_ref(submission)).await? == [Inserted::Conflict] {
        return Ok(false);
    }
    // A job without a note of its dispatch was charged for this message already, or has a better
    // one coming.
    let row = sqlx::query(concat!(
        "SELECT attempt FROM jobs WHERE id = $1 AND status = 'queued' AND (dispatched_at IS NOT NULL OR attempt = 0)",
        for_update!()
    ))
    .bind(id)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(true) };
    // A worker of another version may reject what this one understands: that is nobody's fault.
    let attempt =
        rows::number::<u32>(&row, "attempt")?.saturating_add(u32::from(reason != "rejected"));
    sqlx::query("UPDATE jobs SET attempt = $2, dispatched_at = NULL WHERE id = $1")
        .bind(id)
        .bind(i64::from(attempt))
        .execute(&mut *tx)
        .await?;
    if reason != "rejected" {
        let reason = format!(
            "the queue gave up on its message ({reason}): nobody finished with it, see the workers' logs"
        );
        failures::record(
            &mut *tx,
            id,
            attempt,
            &Failed {
                kind: FailureKind::Undeliverable,
                reason,
            },
            now,
        )
        .await?;
    }
    if attempt >= max_attempts {
        transitions::fail(tx, id, now).await?;
    }
    Ok(true)
}

/// Keeps a message that is no job's.
async fn keep(
    tx: &mut Connection,
    message: &DeadMessage,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO dead_letters (id, at, kind, reason, body) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING",
    )
    .bind(message.message_id)
    .bind(now)
    .bind(FailureKind::UnreadableMessage.as_str())
    .bind(rows::storable(reason))
    .bind(&message.body[..])
    .execute(tx)
    .await?;
    Ok(())
}

#[async_trait]
impl DeadLetters for Adapter {
    async fn dead_letter(&self, message: &DeadMessage, max_attempts: u32) -> Result<(), Error> {
        let now = self.now();
        let mut tx = self.write().await?;
        match &message.submission {
            Ok(submission) => {
                if !charge(&mut tx, submission, &message.reason, max_attempts, now).await? {
                    let reason = format!(
                        "the key of job {} was used for another request before",
                        submission.job_id
                    );
                    keep(&mut tx, message, &reason, now).await?;
                }
            }
            Err(reason) => keep(&mut tx, message, reason, now).await?,
        }
        tx.commit().await?;
        Ok(())
    }

    async fn find(&self, id: Uuid) -> Result<Option<DeadLetter>, Error> {
        let row = sqlx::query("SELECT * FROM dead_letters WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *self.reader().await?)
            .await?;
        row.as_ref().map(rows::dead_letter).transpose()
    }

    async fn list(&self, filter: &DeadLetterFilter, limit: u32) -> Result<Vec<DeadLetter>, Error> {
        let mut select = QueryBuilder::new(LISTED);
        if let Some(kind) = filter.kind {
            select.push(" AND kind = ").push_bind(kind.as_str());
        }
        if let Some((at, id)) = filter.before {
            select
                .push(" AND (at, id) < (")
                .push_bind(at)
                .push(", ")
                .push_bind(id)
                .push(")");
        }
        select
            .push(" ORDER BY at DESC, id DESC LIMIT ")
            .push_bind(i64::from(limit));
        let rows = select.build().fetch_all(&mut *self.reader().await?).await?;
        rows.iter().map(rows::dead_letter).collect()
    }
}
