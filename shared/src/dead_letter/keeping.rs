//! How long dead letters are kept, and how often they are replayed.

use chrono::{DateTime, TimeDelta, Utc};

/// How long what has ended is kept, and how often a letter is replayed. Every process of a deployment should have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// Days after which jobs that have ended are removed, with their dead letters. `None`: never.
    pub retention_days: Option<u32>,
    /// How many replays may lead to a letter that is replayed.
    pub max_replays: u32,
}

impl Default for Keeping {
    fn default() -> Self {
        Self {
            retention_days: None,
            max_replays: 3,
        }
    }
}

impl Keeping {
    /// When retention would take what ended at this moment.
    pub fn expires_at(self, ended: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let days = self.retention_days?;
        ended.checked_add_signed(TimeDelta::days(days.into()))
    }
}
