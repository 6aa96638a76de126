//! Workers as they were last seen, and what there is to do for them.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::types::Json;
use sqlx::{QueryBuilder, Row as _};

use super::pauses::from_held;
use super::{Adapter, Row, rows};
use crate::account::{Action, Actor};
use crate::request::Priority;
use crate::store::{Demand, Error, Work, Worker, WorkerFilter, WorkerReport, Workers};

/// A worker that was not seen for so long is gone, or as good as gone.
const LIVE: TimeDelta = TimeDelta::seconds(15);

/// What a worker did is worth knowing for so long after it went.
const REMEMBERED: TimeDelta = TimeDelta::days(1);

#[async_trait]
impl Workers for Adapter {
    async fn report(&self, report: &WorkerReport) -> Result<bool, Error> {
        // Who was asked to drain is not the next one of the same name.
        let upsert = sqlx::query(
            "INSERT INTO workers (name, seen_at, slots, busy, episodes, seconds, host, version, started_at, running, draining) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
             ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, slots = excluded.slots, \
             busy = excluded.busy, episodes = excluded.episodes, seconds = excluded.seconds, host = excluded.host, \
             version = excluded.version, started_at = excluded.started_at, running = excluded.running, \
             draining = excluded.draining, drain_requested_at = CASE WHEN workers.started_at = excluded.started_at \
             THEN workers.drain_requested_at END RETURNING drain_requested_at",
        )
        .bind(report.name.clone())
        .bind(self.now())
        .bind(i64::from(report.slots))
        .bind(i64::from(report.busy))
        .bind(report.episodes)
        .bind(report.seconds)
        .bind(report.host.clone())
        .bind(report.version.clone())
        .bind(report.started_at)
        .bind(Json(report.running.clone()))
        .bind(report.draining);
        let rows = self.carry_out(upsert).await?;
        let asked = |row: &Row| row.try_get::<Option<DateTime<Utc>>, _>("drain_requested_at");
        let asked = rows.first().map(asked).transpose()?.flatten();
        Ok(asked.is_some())
    }

    async fn leave(&self, name: &str) -> Result<(), Error> {
        let now = self.now();
        // Its figures stay for a while: the next worker is about as fast.
        let gone = sqlx::query(
            "UPDATE workers SET seen_at = $2, busy = 0, running = NULL WHERE name = $1 AND seen_at > $2",
        )
        .bind(name.to_owned())
        .bind(now - LIVE);
        self.carry_out(gone).await?;
        let forgotten =
            sqlx::query("DELETE FROM workers WHERE seen_at < $1").bind(now - REMEMBERED);
        self.carry_out(forgotten).await?;
        Ok(())
    }

    async fn demand(&self) -> Result<Demand, Error> {
        let now = self.now();
        let mut reader = self.reader().await?;
        let mut demand = Demand::default();
        let queued = sqlx::query(
            "SELECT priority, CAST(sum(jobs) AS BIGINT) AS jobs, CAST(sum(episodes) AS BIGINT) AS episodes \
             FROM job_counts WHERE status = 'queued' GROUP BY priority",
        )
        .fetch_all(&mut *reader)
        .await?;
        for row in &queued {
            demand.queued[rank(row)?] = work(row)?;
        }
        let held = sqlx::query(concat!(
            "SELECT held_jobs.priority, count(*) AS jobs, CAST(sum(held_jobs.episodes) AS BIGINT) AS episodes ",
            from_held!(),
            " GROUP BY held_jobs.priority",
        ))
        .fetch_all(&mut *reader)
        .await?;
        for row in &held {
            let (queued, held) = (&mut demand.queued[rank(row)?], work(row)?);
            queued.jobs = queued.jobs.saturating_sub(held.jobs);
            queued.episodes = queued.episodes.saturating_sub(held.episodes);
        }
        let running = sqlx::query(
            "SELECT count(*) AS jobs, CAST(coalesce(sum(episodes_total - episodes_done), 0) AS BIGINT) AS episodes \
             FROM jobs WHERE status = 'running'",
        )
        .fetch_one(&mut *reader)
        .await?;
        demand.running = work(&running)?;
        let workers = sqlx::query("SELECT seen_at, seen_at > $1 AS live, draining, slots, busy, episodes, seconds FROM workers WHERE seen_at > $2")
            .bind(now - LIVE)
            .bind(now - REMEMBERED)
            .fetch_all(&mut *reader)
            .await?;
        let (mut episodes, mut seconds) = (0.0, 0.0);
        for row in &workers {
            episodes += row.try_get::<f64, _>("episodes")?;
            seconds += row.try_get::<f64, _>("seconds")?;
            demand.last_seen = demand.last_seen.max(Some(row.try_get("seen_at")?));
            if !row.try_get::<bool, _>("live")? {
                continue;
            }
            let busy = rows::number::<u32>(row, "busy")?;
            demand.busy_workers += u32::from(busy > 0);
            if !row.try_get::<bool, _>("draining")? {
                demand.workers += 1;
                demand.slots += rows::number::<u32>(row, "slots")?;
                demand.busy_slots += busy;
            }
        }
        demand.seconds_per_episode = (episodes > 0.0).then(|| seconds / episodes);
        Ok(demand)
    }

    async fn list(&self, filter: &WorkerFilter, limit: u32) -> Result<Vec<Worker>, Error> {
        let now = self.now();
        let since = now - if filter.gone { REMEMBERED } else { LIVE };
        let mut select = QueryBuilder::new("SELECT * FROM workers WHERE seen_at > ");
        select.push_bind(since);
        if let Some(name) = &filter.after {
            select.push(" AND name > ").push_bind(rows::storable(name));
        }
        select
            .push(" ORDER BY name LIMIT ")
            .push_bind(i64::from(limit));
        let rows = select.build().fetch_all(&mut *self.reader().await?).await?;
        rows.iter().map(|row| worker(row, now)).collect()
    }

    async fn drain(&self, name: &str, by: &Actor) -> Result<Option<Worker>, Error> {
        let now = self.now();
        let mut tx = self.write().await?;
        let select = concat!(
            "SELECT * FROM workers WHERE name = $1 AND seen_at > $2",
            for_update!()
        );
        let row = sqlx::query(select)
            .bind(rows::storable(name))
            .bind(now - LIVE)
            .fetch_optional(&mut *tx)
            .await?;
        let known = row.map(|row| worker(&row, now)).transpose()?;
        let known = match known {
            Some(known) if known.drain_requested_at.is_none() => known,
            known => {
                tx.rollback().await?;
                return Ok(known);
            }
        };
        sqlx::query("UPDATE workers SET drain_requested_at = $2 WHERE name = $1")
            .bind(&*known.name)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        self.record(&mut tx, by, Action::WorkerDrained, &known.name, [])
            .await?;
        tx.commit().await?;
        Ok(Some(Worker {
            drain_requested_at: Some(now),
            ..known
        }))
    }
}

fn worker(row: &Row, now: DateTime<Utc>) -> Result<Worker, Error> {
    let seen_at = row.try_get("seen_at")?;
    let running: Option<Json<_>> = row.try_get("running")?;
    Ok(Worker {
        name: row.try_get("name")?,
        alive: seen_at > now - LIVE,
        seen_at,
        host: row.try_get("host")?,
        version: row.try_get("version")?,
        started_at: row.try_get("started_at")?,
        slots: rows::number(row, "slots")?,
        busy: rows::number(row, "busy")?,
        running: running.map(|running| running.0).unwrap_or_default(),
        draining: row.try_get("draining")?,
        drain_requested_at: row.try_get("drain_requested_at")?,
    })
}

/// The place of a row's priority.
fn rank(row: &Row) -> Result<usize, Error> {
    let name: &str = row.try_get("priority")?;
    let rank = Priority::ALL.iter().position(|one| one.as_str() == name);
    rank.ok_or_else(|| Error::Corrupt(format!("priority {name:?}")))
}

fn work(row: &Row) -> Result<Work, Error> {
    // A replica, or rows that are counted by several, may show less than nothing for a moment.
    let count = |column| Ok::<_, Error>(u64::try_from(row.try_get::<i64, _>(column)?).unwrap_or(0));
    Ok(Work {
        jobs: count("jobs")?,
        episodes: count("episodes")?,
    })
}
