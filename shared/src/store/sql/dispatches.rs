//! Jobs, as the dispatcher finds them.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use super::leases::void;
use super::{Adapter, Connection, Driver, rows};
use crate::store::{Dispatches, Error};
use crate::submission::Submission;

/// Queued jobs that no message stands for. What was submitted or is due since then may still be
/// published by others.
const NEVER_DISPATCHED: &str =
    "status = 'queued' AND dispatched_at IS NULL AND coalesce(not_before, submitted_at) <= ";

/// Running jobs whose holder renewed nothing for longer than its lease.
const EXPIRED: &str = "status = 'running' AND lease_expires_at <= ";

impl Adapter {
    /// The submissions that meet a condition, the most urgent first.
    async fn urgent_first(
        &self,
        push_condition: impl FnOnce(&mut QueryBuilder<Driver>),
        limit: u32,
    ) -> Result<Vec<Submission>, Error> {
        let mut select = QueryBuilder::new("SELECT ");
        select.push(rows::SUBMISSION).push(" FROM jobs WHERE ");
        push_condition(&mut select);
        select.push(
            " ORDER BY CASE priority WHEN 'high' THEN 0 WHEN 'normal' THEN 1 ELSE 2 END, submitted_at, id LIMIT ",
        );
        select.push_bind(i64::from(limit));
        let rows = select.build().fetch_all(&mut *self.reader().await?).await?;
        Ok(rows
            .iter()
            .filter_map(|row| rows::readable(rows::submission(row)))
            .collect())
    }
}

async fn mark(tx: &mut Connection, jobs: &[Uuid], now: DateTime<Utc>) -> Result<(), Error> {
    for id in jobs {
        sqlx::query("UPDATE jobs SET dispatched_at = $2 WHERE id = $1 AND status = 'queued'")
            .bind(id)
            .bind(now)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

#[async_trait]
impl Dispatches for Adapter {
    async fn due(&self, grace: Duration, limit: u32) -> Result<Vec<Submission>, Error> {
        let before = self.now() - grace;
        self.urgent_first(
            |select| _ = select.push(NEVER_DISPATCHED).push_bind(before),
            limit,
        )
        .await
    }

    async fn expired(&self, limit: u32) -> Result<Vec<Submission>, Error> {
        let now = self.now();
        self.urgent_first(|select| _ = select.push(EXPIRED).push_bind(now), limit)
            .await
    }

    async fn overdue(&self, timeout: Duration, limit: u32) -> Result<Vec<Submission>, Error> {
        let before = self.now() - timeout;
        let condition = |select: &mut QueryBuilder<Driver>| {
            select
                .push("status = 'queued' AND dispatched_at <= ")
                .push_bind(before);
            select
                .push(" AND coalesce(not_before, submitted_at) <= ")
                .push_bind(before);
        };
        self.urgent_first(condition, limit).await
    }

    async fn lag(&self) -> Result<Duration, Error> {
        let now = self.now();
        // Two questions, each with an index of its own.
        let mut select = QueryBuilder::new(
            "SELECT (SELECT min(coalesce(not_before, submitted_at)) FROM jobs WHERE ",
        );
        select.push(NEVER_DISPATCHED).push_bind(now);
        select
            .push(") AS due, (SELECT min(lease_expires_at) FROM jobs WHERE ")
            .push(EXPIRED)
            .push_bind(now);
        select.push(") AS expired");
        let row = select.build().fetch_one(&mut *self.reader().await?).await?;
        let (due, expired): (Option<DateTime<Utc>>, Option<DateTime<Utc>>) =
            (row.try_get("due")?, row.try_get("expired")?);
        let since = due.into_iter().chain(expired).min();
        Ok(since
            .and_then(|since| (now - since).to_std().ok())
            .unwrap_or_default())
    }

    async fn mark_dispatched(&self, jobs: &[Uuid]) -> Result<(), Error> {
        let mut tx = self.write().await?;
        mark(&mut tx, jobs, self.now()).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn expire_leases(&self, jobs: &[Uuid]) -> Result<(), Error> {
        let now = self.now();
        let mut tx = self.write().await?;
        for &id in jobs {
            let expired = sqlx::query(concat!(
                "SELECT 1 FROM jobs WHERE id = $1 AND status = 'running' AND lease_expires_at <= $2",
                for_update!()
            ))
            .bind(id)
            .bind(now)
            .fetch_optional(&mut *tx)
            .await?;
            if expired.is_some() {
                void(&mut tx, id, now).await?;
            }
        }
        mark(&mut tx, jobs, now).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn orphan_all(&self) -> Result<u64, Error> {
        let now = self.now();
        let mut tx = self.write().await?;
        let running = sqlx::query("SELECT id FROM jobs WHERE status = 'running'")
            .fetch_all(&mut *tx)
            .await?;
        for row in &running {
            void(&mut tx, row.try_get("id")?, now).await?;
        }
        let orphaned = sqlx::query("UPDATE jobs SET dispatched_at = NULL WHERE status = 'queued'")
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(orphaned.rows_affected())
    }
}
