//! Many jobs taken back at once.

use async_trait::async_trait;

use super::error::Error;
use super::job_filter::JobFilter;
use crate::account::Actor;
use crate::job::Job;

/// Many jobs taken back at once, by operators.
#[async_trait]
pub trait Cancellations: Send + Sync {
    /// How many jobs a cancellation would meet: those that have not ended, and were not asked to end
    /// before. No more than `limit` are counted.
    async fn would_cancel(&self, filter: &JobFilter, limit: u32) -> Result<u64, Error>;

    /// Some of them.
    async fn some_of_them(&self, filter: &JobFilter, limit: u32) -> Result<Vec<Job>, Error>;

    /// Cancels up to `limit` of them, and asks the workers of those that run to stop. Nothing is
    /// left to do when neither is more than zero.
    async fn cancel_some(
        &self,
        filter: &JobFilter,
        limit: u32,
        by: &Actor,
    ) -> Result<Cancelled, Error>;
}

/// What a cancellation of many did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cancelled {
    /// Jobs that were queued, and are cancelled.
    pub cancelled: u64,
    /// Jobs that run, and whose workers have been asked to stop.
    pub requested: u64,
}
