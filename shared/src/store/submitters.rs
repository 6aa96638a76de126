//! The port for what those have under way who submit jobs.

use async_trait::async_trait;

use super::Error;

/// Those who submit jobs.
#[async_trait]
pub trait Submitters: Send + Sync {
    /// How many jobs of a submitter have not ended.
    async fn open_jobs(&self, subject: &str) -> Result<u64, Error>;
}
