//! How long jobs wait, and for how many others: bounded looks into the index of queued jobs.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::{QueryBuilder, Row as _};
use uuid::Uuid;

use super::{Adapter, Driver, pauses, rows};
use crate::line::{LANES, Lane};
use crate::request::Priority;
use crate::store::{Ahead, Error, Waits};

#[async_trait]
impl Waits for Adapter {
    async fn ahead(&self, job: Uuid, limit: u32) -> Result<Ahead, Error> {
        let mut reader = self.reader().await?;
        let row = sqlx::query("SELECT priority, lane, submitted_at FROM jobs WHERE id = $1")
            .bind(job)
            .fetch_optional(&mut *reader)
            .await?;
        let Some(row) = row else {
            return Ok(Ahead::default());
        };
        let own: Lane = rows::number::<u8>(&row, "lane")?.into();
        let priority: String = row.try_get("priority")?;
        let submitted_at: DateTime<Utc> = row.try_get("submitted_at")?;
        // The limit bounds what is looked at, jobs that are set aside among it.
        let mut select = QueryBuilder::new("");
        for lane in Lane::ALL {
            if !lane.is_first() {
                select.push(" UNION ALL ");
            }
            select
                .push("SELECT CAST(")
                .push(u8::from(lane))
                .push(" AS BIGINT) AS lane, count(*) AS looked, CAST(coalesce(sum(CASE WHEN ");
            select
                .push(pauses::NOT_HELD)
                .push(" THEN 1 ELSE 0 END), 0) AS BIGINT) AS jobs FROM (SELECT dispatched_at");
            push_before(&mut select, &priority, lane, submitted_at);
            push_oldest(&mut select, i64::from(limit) + 1);
            select.push(") AS ahead");
        }
        let mut lanes = [Ahead::default(); LANES];
        for row in &select.build().fetch_all(&mut *reader).await? {
            let lane: Lane = rows::number::<u8>(row, "lane")?.into();
            let jobs: u64 = rows::number(row, "jobs")?;
            lanes[lane.index()] = Ahead {
                jobs: jobs.min(limit.into()),
                more: rows::number::<u64>(row, "looked")? > u64::from(limit),
            };
        }
        Ok(in_turns(own, &lanes))
    }

    async fn stale(
        &self,
        priority: Priority,
        submitted_before: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, Error> {
        let mut select = QueryBuilder::new("SELECT count(*) FROM (");
        for lane in Lane::ALL {
            if !lane.is_first() {
                select.push(" UNION ALL ");
            }
            select.push("SELECT * FROM (SELECT id, subject");
            push_before(&mut select, priority.as_str(), lane, submitted_before);
            select.push(" AND ").push(pauses::NOT_HELD);
            push_oldest(&mut select, limit.into());
            select.push(") AS of_lane");
        }
        // A pause that was just begun covers jobs whose messages nobody was delivered yet.
        select
            .push(") AS old WHERE NOT EXISTS (SELECT 1 FROM pauses WHERE ended_at IS NULL AND (until IS NULL OR until > ")
            .push_bind(self.now())
            .push(") AND (scope = 'all' OR (scope = 'priority' AND value = ")
            .push_bind(priority.as_str())
            .push(
                ") OR (scope = 'submitter' AND value = old.subject) OR (scope = 'environment' AND EXISTS \
                 (SELECT 1 FROM evaluations WHERE job_id = old.id AND environment = pauses.value))))",
            );
        let row = select.build().fetch_one(&mut *self.reader().await?).await?;
        Ok(rows::count(&row)?.min(limit.into()))
    }
}

/// Continues a statement with the queued jobs of a line that were submitted before a moment.
fn push_before(
    query: &mut QueryBuilder<Driver>,
    priority: &str,
    lane: Lane,
    submitted_before: DateTime<Utc>,
) {
    query
        .push(" FROM jobs WHERE status = 'queued' AND priority = ")
        .push_bind(priority.to_owned())
        .push(" AND lane = ")
        .push(u8::from(lane))
        .push(" AND submitted_at < ")
        .push_bind(submitted_before);
}

/// Ends it with the oldest of them, in the order of their index.
fn push_oldest(query: &mut QueryBuilder<Driver>, limit: i64) {
    query.push(" ORDER BY submitted_at LIMIT ").push_bind(limit);
}

/// Of what waits in each lane, what has its turn before a job of one of them.
fn in_turns(own: Lane, lanes: &[Ahead; LANES]) -> Ahead {
    let own_lane = lanes[own.index()];
    let turns = own_lane.jobs + 1;
    let mut ahead = own_lane;
    for lane in Lane::ALL.into_iter().filter(|lane| *lane != own) {
        let other = lanes[lane.index()];
        ahead.jobs += other.jobs.min(turns);
        ahead.more |= other.more && other.jobs < turns;
    }
    ahead
}
