//! Workers as they were last seen, and what there is to do for them.

use async_trait::async_trait;
use chrono::TimeDelta;
use sqlx::Row as _;

use super::{Adapter, rows};
use crate::request::Priority;
use crate::store::{Demand, Error, Work, WorkerReport, Workers};

/// A worker that was not seen for so long is gone, or as good as gone.
const LIVE: TimeDelta = TimeDelta::seconds(15);

/// What a worker did is worth knowing for so long after it went.
const REMEMBERED: TimeDelta = TimeDelta::days(1);

#[async_trait]
impl Workers for Adapter {
    async fn report(&self, report: &WorkerReport) -> Result<(), Error> {
        let upsert = sqlx::query(
            "INSERT INTO workers (name, seen_at, slots, busy, episodes, seconds) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, slots = excluded.slots, \
             busy = excluded.busy, episodes = excluded.episodes, seconds = excluded.seconds",
        )
        .bind(report.name.clone())
        .bind(self.now())
        .bind(i64::from(report.slots))
        .bind(i64::from(report.busy))
        .bind(report.episodes)
        .bind(report.seconds);
        self.carry_out(upsert).await?;
        Ok(())
    }

    async fn leave(&self, name: &str) -> Result<(), Error> {
        let now = self.now();
        // Its figures stay for a while: the next worker is about as fast.
        let gone = sqlx::query(
            "UPDATE workers SET seen_at = $2, busy = 0 WHERE name = $1 AND seen_at > $2",
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
            let name: &str = row.try_get("priority")?;
            let rank = Priority::ALL.iter().position(|one| one.as_str() == name);
            let rank = rank.ok_or_else(|| Error::Corrupt(format!("priority {name:?}")))?;
            demand.queued[rank] = work(row)?;
        }
        let running = sqlx::query(
            "SELECT count(*) AS jobs, CAST(coalesce(sum(episodes_total - episodes_done), 0) AS BIGINT) AS episodes \
             FROM jobs WHERE status = 'running'",
        )
        .fetch_one(&mut *reader)
        .await?;
        demand.running = work(&running)?;
        let workers = sqlx::query("SELECT seen_at > $1 AS live, slots, busy, episodes, seconds FROM workers WHERE seen_at > $2")
            .bind(now - LIVE)
            .bind(now - REMEMBERED)
            .fetch_all(&mut *reader)
            .await?;
        let (mut episodes, mut seconds) = (0.0, 0.0);
        for row in &workers {
            episodes += row.try_get::<f64, _>("episodes")?;
            seconds += row.try_get::<f64, _>("seconds")?;
            if row.try_get("live")? {
                demand.workers += 1;
                demand.slots += rows::number::<u32>(row, "slots")?;
                demand.busy_workers += u32::from(rows::number::<u32>(row, "busy")? > 0);
            }
        }
        demand.seconds_per_episode = (episodes > 0.0).then(|| seconds / episodes);
        Ok(demand)
    }
}

fn work(row: &super::Row) -> Result<Work, Error> {
    // A replica, or rows that are counted by several, may show less than nothing for a moment.
    let count = |column| Ok::<_, Error>(u64::try_from(row.try_get::<i64, _>(column)?).unwrap_or(0));
    Ok(Work {
        jobs: count("jobs")?,
        episodes: count("episodes")?,
    })
}
