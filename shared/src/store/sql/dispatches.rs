//! Jobs, as the dispatcher finds them.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use super::{Adapter, Driver, pauses, push_ids, rows, transitions};
use crate::line::Lane;
use crate::request::Priority;
use crate::store::{Dispatches, Error};
use crate::submission::Submission;

/// Reserves the queued jobs of priority $1 that no message stands for, the oldest first. What was
/// submitted or is due since $2 may still be published by others.
const TAKE_DUE: &str = concat!(
    "UPDATE jobs SET reserved_until = $4 WHERE id IN (SELECT id FROM jobs WHERE status = 'queued' \
     AND dispatched_at IS NULL AND priority = $1 AND coalesce(not_before, submitted_at) <= $2 \
     AND (reserved_until IS NULL OR reserved_until <= $3) \
     ORDER BY coalesce(not_before, submitted_at), id LIMIT $5",
    skip_locked!(),
    ") RETURNING ",
);

/// When the oldest of them is due since, for each priority by itself: one look into an index.
const DUE_SINCE: &str = "SELECT min(coalesce(not_before, submitted_at)) FROM jobs WHERE status = 'queued' \
     AND dispatched_at IS NULL AND priority = $1 AND coalesce(not_before, submitted_at) <= $2";

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

/// Notes since when messages stand for these jobs, or that none does, as far as they are queued.
fn mark(jobs: &[Uuid], dispatched_at: Option<DateTime<Utc>>) -> QueryBuilder<Driver> {
    // Several dispatchers, and the API, note the same jobs at the same time: all lock them in the
    // order of their ids, so that they wait for each other and never in a circle.
    let mut update =
        QueryBuilder::new("WITH locked AS (SELECT id FROM jobs WHERE status = 'queued' AND id ");
    push_ids(&mut update, jobs);
    // A note of a message that came late changes nothing for a job that was set aside meanwhile.
    update
        .push(" AND ")
        .push(pauses::NOT_HELD)
        .push(concat!(" ORDER BY id", for_update!()))
        .push(") UPDATE jobs SET reserved_until = NULL, dispatched_at = ")
        .push_bind(dispatched_at)
        .push(" WHERE id IN (SELECT id FROM locked)");
    update
}

#[async_trait]
impl Dispatches for Adapter {
    async fn take_due(
        &self,
        grace: Duration,
        reservation: Duration,
        limit: u32,
    ) -> Result<Vec<Submission>, Error> {
        let now = self.now();
        let mut due = Vec::new();
        for priority in Priority::ALL {
            let left = i64::from(limit) - i64::try_from(due.len()).unwrap_or(i64::MAX);
            if left <= 0 {
                break;
            }
            let text = sqlx::AssertSqlSafe(format!("{TAKE_DUE}{}", rows::SUBMISSION));
            let take = sqlx::query(text)
                .bind(priority.as_str())
                .bind(now - grace)
                .bind(now)
                .bind(now + reservation)
                .bind(left);
            let rows = self.carry_out(take).await?;
            let readable = rows
                .iter()
                .filter_map(|row| rows::readable(rows::submission(row)));
            let mut taken: Vec<_> = readable.collect();
            taken.sort_by_key(|submission| (submission.submitted_at, submission.job_id));
            due.append(&mut taken);
        }
        Ok(due)
    }

    async fn mark_unpublished(&self, jobs: &[Uuid]) -> Result<(), Error> {
        if jobs.is_empty() {
            return Ok(());
        }
        self.carry_out(mark(jobs, None).build()).await?;
        Ok(())
    }

    async fn expired(&self, limit: u32) -> Result<Vec<Submission>, Error> {
        let now = self.now();
        self.urgent_first(|select| _ = select.push(EXPIRED).push_bind(now), limit)
            .await
    }

    async fn overdue(
        &self,
        priority: Priority,
        lanes: &[Lane],
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Submission>, Error> {
        if lanes.is_empty() {
            return Ok(Vec::new());
        }
        let condition = |select: &mut QueryBuilder<Driver>| {
            select
                .push("status = 'queued' AND priority = ")
                .push_bind(priority.as_str())
                .push(" AND lane IN (");
            let mut numbers = select.separated(", ");
            for lane in lanes {
                numbers.push_bind(i64::from(u8::from(*lane)));
            }
            select.push(")");
            // Implied by the next condition, and it has an index.
            select.push(" AND submitted_at <= ").push_bind(before);
            select.push(" AND dispatched_at <= ").push_bind(before);
            select
                .push(" AND coalesce(not_before, submitted_at) <= ")
                .push_bind(before);
        };
        self.urgent_first(condition, limit).await
    }

    async fn oldest_queued(&self, priority: Priority) -> Result<Duration, Error> {
        let now = self.now();
        // One look into the index for each lane.
        let mut select = QueryBuilder::new("SELECT min(submitted_at) FROM (");
        for lane in Lane::ALL {
            if !lane.is_first() {
                select.push(" UNION ALL ");
            }
            select
                .push("SELECT * FROM (SELECT submitted_at FROM jobs WHERE status = 'queued' AND priority = ")
                .push_bind(priority.as_str())
                .push(" AND lane = ")
                .push(u8::from(lane))
                .push(" AND (not_before IS NULL OR not_before <= ")
                .push_bind(now)
                .push(") AND ")
                .push(pauses::NOT_HELD)
                .push(" ORDER BY submitted_at LIMIT 1) AS oldest");
        }
        select.push(") AS of_each");
        let oldest: Option<DateTime<Utc>> = select
            .build_query_scalar()
            .fetch_one(&mut *self.reader().await?)
            .await?;
        Ok(since(oldest, now))
    }

    async fn lag(&self) -> Result<Duration, Error> {
        let now = self.now();
        let mut reader = self.reader().await?;
        let mut oldest: Vec<DateTime<Utc>> = Vec::new();
        for priority in Priority::ALL {
            let due = sqlx::query_scalar::<_, Option<DateTime<Utc>>>(DUE_SINCE)
                .bind(priority.as_str())
                .bind(now);
            oldest.extend(due.fetch_one(&mut *reader).await?);
        }
        let mut select = QueryBuilder::new("SELECT min(lease_expires_at) FROM jobs WHERE ");
        select.push(EXPIRED).push_bind(now);
        let expired: Option<DateTime<Utc>> =
            select.build_query_scalar().fetch_one(&mut *reader).await?;
        Ok(since(oldest.into_iter().chain(expired).min(), now))
    }

    async fn mark_dispatched(&self, jobs: &[Uuid]) -> Result<(), Error> {
        if jobs.is_empty() {
            return Ok(());
        }
        self.carry_out(mark(jobs, Some(self.now())).build()).await?;
        Ok(())
    }

    async fn expire_leases(&self, jobs: &[Uuid]) -> Result<(), Error> {
        if jobs.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let mut tx = self.write().await?;
        let mut select = QueryBuilder::new("SELECT id FROM jobs WHERE ");
        select.push(EXPIRED).push_bind(now).push(" AND id ");
        push_ids(&mut select, jobs);
        select.push(concat!(" ORDER BY id", for_update!()));
        for row in &select.build().fetch_all(&mut *tx).await? {
            transitions::expire_lease(&mut tx, row.try_get("id")?, now).await?;
        }
        mark(jobs, Some(now)).build().execute(&mut *tx).await?;
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
            transitions::expire_lease(&mut tx, row.try_get("id")?, now).await?;
        }
        let mut orphan =
            QueryBuilder::new("UPDATE jobs SET dispatched_at = NULL WHERE status = 'queued' AND ");
        orphan.push(pauses::NOT_HELD);
        let orphaned = orphan.build().execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(orphaned.rows_affected())
    }
}

fn since(moment: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Duration {
    moment
        .and_then(|moment| (now - moment).to_std().ok())
        .unwrap_or_default()
}
