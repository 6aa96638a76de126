//! How long jobs wait, and for how many others: bounded looks into the index of queued jobs.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use super::{Adapter, pauses, rows};
use crate::request::Priority;
use crate::store::{Ahead, Error, Waits};

#[async_trait]
impl Waits for Adapter {
    async fn ahead(
        &self,
        priority: Priority,
        submitted_before: DateTime<Utc>,
        limit: u32,
    ) -> Result<Ahead, Error> {
        // The limit bounds what is looked at, jobs that are set aside among it.
        let mut select =
            QueryBuilder::new("SELECT count(*) AS looked, CAST(coalesce(sum(CASE WHEN ");
        select
            .push(pauses::NOT_HELD)
            .push(
                " THEN 1 ELSE 0 END), 0) AS BIGINT) AS jobs FROM (SELECT dispatched_at FROM jobs \
                 WHERE status = 'queued' AND priority = ",
            )
            .push_bind(priority.as_str())
            .push(" AND submitted_at < ")
            .push_bind(submitted_before)
            .push(" LIMIT ")
            .push_bind(i64::from(limit) + 1)
            .push(") AS ahead");
        let row = select.build().fetch_one(&mut *self.reader().await?).await?;
        let jobs: u64 = rows::number(&row, "jobs")?;
        Ok(Ahead {
            jobs: jobs.min(limit.into()),
            more: rows::number::<u64>(&row, "looked")? > u64::from(limit),
        })
    }

    async fn stale(
        &self,
        priority: Priority,
        submitted_before: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, Error> {
        // A pause that was just begun covers jobs whose messages nobody was delivered yet.
        let mut select = QueryBuilder::new(
            "SELECT count(*) FROM (SELECT id, subject FROM jobs WHERE status = 'queued' AND priority = ",
        );
        select
            .push_bind(priority.as_str())
            .push(" AND submitted_at < ")
            .push_bind(submitted_before)
            .push(" AND ")
            .push(pauses::NOT_HELD)
            .push(" ORDER BY submitted_at LIMIT ")
            .push_bind(i64::from(limit))
            .push(") AS old WHERE NOT EXISTS (SELECT 1 FROM pauses WHERE ended_at IS NULL AND (until IS NULL OR until > ")
            .push_bind(self.now())
            .push(") AND (scope = 'all' OR (scope = 'priority' AND value = ")
            .push_bind(priority.as_str())
            .push(
                ") OR (scope = 'submitter' AND value = old.subject) OR (scope = 'environment' AND EXISTS \
                 (SELECT 1 FROM evaluations WHERE job_id = old.id AND environment = pauses.value))))",
            );
        let row = select.build().fetch_one(&mut *self.reader().await?).await?;
        rows::count(&row)
    }
}
