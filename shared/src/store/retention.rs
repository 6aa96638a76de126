//! What is kept for a while and then goes.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::error::Error;

/// What is kept for a while and then goes.
#[async_trait]
pub trait Retention: Send + Sync {
    /// Removes what is over since before a moment, up to `limit` of each kind: jobs that have ended,
    /// with their results, failures and dead letters; messages among the dead letters; replays that have ended; artifacts
    /// that no job has named since. Jobs that have not ended stay, and so do artifacts while there
    /// are such jobs from before. The ledger counts on what is gone.
    async fn prune(&self, before: DateTime<Utc>, limit: u32) -> Result<Pruned, Error>;
}

/// How many were removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Jobs that had ended.
    pub jobs: u64,
    /// Messages that were no job's.
    pub dead_letters: u64,
    /// Replays that had ended.
    pub replays: u64,
    /// Artifacts that no job names.
    pub artifacts: u64,
}

impl Pruned {
    /// Whether there may be more of any kind.
    pub fn is_full(&self, limit: u32) -> bool {
        let limit = u64::from(limit);
        [self.jobs, self.dead_letters, self.replays, self.artifacts]
            .into_iter()
            .any(|removed| removed >= limit)
    }
}

impl std::ops::AddAssign for Pruned {
    fn add_assign(&mut self, more: Self) {
        self.jobs += more.jobs;
        self.dead_letters += more.dead_letters;
        self.replays += more.replays;
        self.artifacts += more.artifacts;
    }
}
