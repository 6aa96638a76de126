//! What is kept for a while and then goes. Each removal is a short statement of its own: whoever
//! works beside it waits for a few rows, if at all.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use super::{Adapter, Statement};
use crate::store::{Error, Pruned, Retention};

/// What belongs to a job goes with its row.
const JOBS: &str = concat!(
    "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE submitted_at < $1 AND finished_at < $1 \
     AND status IN ('completed', 'failed', 'cancelled') ORDER BY submitted_at LIMIT $2",
    skip_locked!(),
    ") RETURNING id",
);

const DEAD_LETTERS: &str = "DELETE FROM dead_letters WHERE id IN (SELECT id FROM dead_letters \
     WHERE at < $1 AND job_id IS NULL ORDER BY at LIMIT $2) RETURNING id";

/// Replays of one statement: each may have a hundred thousand letters.
const MOST_REPLAYS: i64 = 5;

/// The letters of a replay go with its row. One that stopped or is paused has no letters
/// to go on with once it is so old.
const REPLAYS: &str = "DELETE FROM replays WHERE id IN (SELECT id FROM replays \
     WHERE created_at < $1 AND queued = 0 AND (ended_at < $1 OR state IN ('stopped', 'paused')) \
     ORDER BY created_at LIMIT $2) RETURNING id";

/// A use is noted within the hour, and what is known to be stored is not asked for a while.
const ARTIFACTS: &str = "DELETE FROM artifacts WHERE digest IN (SELECT digest FROM artifacts \
     WHERE coalesce(used_at, created_at) < $1 ORDER BY digest LIMIT $2) \
     AND NOT EXISTS (SELECT 1 FROM jobs WHERE status = 'queued' AND submitted_at < $3) \
     AND NOT EXISTS (SELECT 1 FROM jobs WHERE status = 'running' AND submitted_at < $3) RETURNING digest";

/// How much longer an artifact is kept than the jobs that may name it.
const ARTIFACT_MARGIN: TimeDelta = TimeDelta::days(1);

#[async_trait]
impl Retention for Adapter {
    async fn prune(&self, before: DateTime<Utc>, limit: u32) -> Result<Pruned, Error> {
        let limit = i64::from(limit);
        let old = |text: &'static str| sqlx::query(text).bind(before).bind(limit);
        let replays = sqlx::query(REPLAYS)
            .bind(before)
            .bind(limit.min(MOST_REPLAYS));
        let artifacts = sqlx::query(ARTIFACTS)
            .bind(before - ARTIFACT_MARGIN)
            .bind(limit)
            .bind(before);
        Ok(Pruned {
            jobs: self.removed(old(JOBS)).await?,
            dead_letters: self.removed(old(DEAD_LETTERS)).await?,
            replays: self.removed(replays).await?,
            artifacts: self.removed(artifacts).await?,
        })
    }
}

impl Adapter {
    async fn removed(&self, delete: Statement<'_>) -> Result<u64, Error> {
        Ok(self.carry_out(delete).await?.len() as u64)
    }
}
