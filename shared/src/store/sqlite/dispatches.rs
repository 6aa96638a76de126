//! Jobs, as the dispatcher finds them.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::QueryBuilder;
use uuid::Uuid;

use super::{Sqlite, rows};
use crate::store::{Dispatches, Error};
use crate::submission::Submission;

#[async_trait]
impl Dispatches for Sqlite {
    async fn due(&self, grace: Duration, limit: u32) -> Result<Vec<Submission>, Error> {
        let now = self.clock.now();
        let mut select = QueryBuilder::new("SELECT ");
        select.push(rows::SUBMISSION).push(" FROM jobs WHERE (status = 'queued' AND dispatched_at IS NULL AND ");
        select.push("coalesce(not_before, submitted_at) <= ").push_bind(now - grace);
        select.push(") OR (status = 'running' AND lease_expires_at <= ").push_bind(now);
        select.push(") ORDER BY submitted_at, id LIMIT ").push_bind(limit);
        select.build().fetch_all(&self.readers).await?.iter().map(rows::submission).collect()
    }

    async fn mark_dispatched(&self, jobs: &[Uuid]) -> Result<(), Error> {
        let now = self.clock.now();
        let mut tx = self.write().await?;
        for id in jobs {
            sqlx::query("UPDATE jobs SET dispatched_at = $2 WHERE id = $1")
                .bind(id)
                .bind(now)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn orphan_all(&self) -> Result<u64, Error> {
        let now = self.clock.now();
        let orphaned = sqlx::query(
            "UPDATE jobs SET dispatched_at = NULL, lease_expires_at = CASE WHEN status = 'running' THEN $1 END \
             WHERE status IN ('queued', 'running')",
        )
        .bind(now)
        .execute(&self.writer)
        .await?;
        Ok(orphaned.rows_affected())
    }
}
