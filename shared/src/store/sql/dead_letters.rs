//! Dead letters: jobs that failed for good, and messages that the queue gave up on.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;
use uuid::Uuid;

use super::leases::record_failure;
use super::{Adapter, Connection, jobs, rows};
use crate::dead_letter::{DeadLetter, DeadLetterFilter};
use crate::job::{FailureKind, Status};
use crate::queue::DeadMessage;
use crate::store::{DeadLetters, Error, Failed};
use crate::submission::Submission;

/// The dead letter of a job that has just failed, with the last of its failures.
pub(super) async fn of_failed_job(tx: &mut Connection, job_id: Uuid, now: DateTime<Utc>) -> Result<(), Error> {
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

/// Fails the job of a message that nobody finished with, unless it has ended or somebody works on it now.
async fn fail(tx: &mut Connection, submission: &Submission, failed: &Failed, now: DateTime<Utc>) -> Result<(), Error> {
    let id = submission.job_id;
    jobs::insert(&mut *tx, submission).await?;
    let row = sqlx::query(concat!("SELECT status, attempt FROM jobs WHERE id = $1", for_update!()))
        .bind(id)
        .fetch_one(&mut *tx)
        .await?;
    if rows::status(&row)? != Status::Queued {
        return Ok(());
    }
    // Attempts count from 1, so this failure has a place of its own behind those of the attempts.
    let attempt = rows::number::<u32>(&row, "attempt")?.saturating_add(1);
    record_failure(&mut *tx, id, attempt, failed, now).await?;
    sqlx::query("UPDATE jobs SET status = 'failed', finished_at = $2 WHERE id = $1")
        .bind(id)
        .bind(now)
        .execute(&mut *tx)
        .await?;
    of_failed_job(tx, id, now).await
}

#[async_trait]
impl DeadLetters for Adapter {
    async fn bury(&self, message: &DeadMessage) -> Result<(), Error> {
        let now = self.now();
        let mut tx = self.write().await?;
        match &message.submission {
            Ok(submission) => {
                let reason = format!(
                    "its message was delivered again and again and nobody finished with it ({}): see the workers' logs",
                    message.reason
                );
                let failed = Failed { kind: FailureKind::Undeliverable, reason };
                fail(&mut tx, submission, &failed, now).await?;
            }
            Err(reason) => {
                sqlx::query(
                    "INSERT INTO dead_letters (id, at, kind, reason, body) VALUES ($1, $2, $3, $4, $5) \
                     ON CONFLICT (id) DO NOTHING",
                )
                .bind(message.message_id)
                .bind(now)
                .bind(FailureKind::UnreadableMessage.as_str())
                .bind(rows::storable(reason))
                .bind(&message.body[..])
                .execute(&mut *tx)
                .await?;
            }
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
        let mut select = QueryBuilder::new("SELECT * FROM dead_letters WHERE TRUE");
        if let Some(kind) = filter.kind {
            select.push(" AND kind = ").push_bind(kind.as_str());
        }
        if let Some((at, id)) = filter.before {
            select.push(" AND (at, id) < (").push_bind(at).push(", ").push_bind(id).push(")");
        }
        select.push(" ORDER BY at DESC, id DESC LIMIT ").push_bind(i64::from(limit));
        let rows = select.build().fetch_all(&mut *self.reader().await?).await?;
        rows.iter().map(rows::dead_letter).collect()
    }
}
