//! Jobs, as the dispatcher finds them.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use super::leases::void;
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
        select.push(
            ") ORDER BY CASE priority WHEN 'high' THEN 0 WHEN 'normal' THEN 1 ELSE 2 END, submitted_at, id LIMIT ",
        );
        select.push_bind(limit);
        let rows = select.build().fetch_all(&self.readers).await?;
        Ok(rows.iter().filter_map(|row| rows::readable(rows::submission(row))).collect())
    }

    async fn mark_dispatched(&self, jobs: &[Uuid]) -> Result<(), Error> {
        let now = self.clock.now();
        let mut tx = self.write().await?;
        for &id in jobs {
            let expired = sqlx::query("SELECT 1 FROM jobs WHERE id = $1 AND lease_expires_at <= $2")
                .bind(id)
                .bind(now)
                .fetch_optional(&mut *tx)
                .await?;
            if expired.is_some() {
                void(&mut tx, id, now).await?;
            }
            sqlx::query("UPDATE jobs SET dispatched_at = $2 WHERE id = $1 AND status = 'queued'")
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
        let mut tx = self.write().await?;
        let running = sqlx::query("SELECT id FROM jobs WHERE status = 'running'").fetch_all(&mut *tx).await?;
        for row in &running {
            void(&mut tx, row.try_get("id")?, now).await?;
        }
        let orphaned =
            sqlx::query("UPDATE jobs SET dispatched_at = NULL WHERE status = 'queued'").execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(orphaned.rows_affected())
    }
}
