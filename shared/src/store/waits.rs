//! How long jobs wait, and for how many others.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::error::Error;
use crate::request::Priority;

/// How long jobs wait, and for how many others. Jobs that are set aside for a pause wait for that,
/// and are counted nowhere here.
#[async_trait]
pub trait Waits: Send + Sync {
    /// How many queued jobs of a job's priority have their turn before it: those of its lane that
    /// were submitted before, and of each other lane as many of them at most and one more, because
    /// lanes take turns. No more than `limit` of each lane are looked at.
    async fn ahead(&self, job: Uuid, limit: u32) -> Result<Ahead, Error>;

    /// How many queued jobs of a priority were submitted before a moment and are covered by no
    /// pause. No more than `limit` of each lane are looked at.
    async fn stale(
        &self,
        priority: Priority,
        submitted_before: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, Error>;
}

/// The jobs before another one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ahead {
    /// How many.
    pub jobs: u64,
    /// Whether there may be more than that: a count ended at its limit.
    pub more: bool,
}
