//! Artifacts that are known to be stored, so that the store is not asked again for each job that
//! names one.

use std::time::Duration;

use moka::future::Cache;
use tars_shared::artifact::Digest;

/// How many are remembered.
const CAPACITY: u64 = 10_000;

/// How long each: an artifact that is removed meanwhile fails the jobs that name it, as one does
/// that is removed while they wait.
const TTL: Duration = Duration::from_mins(5);

/// Digests of stored artifacts.
#[derive(Debug)]
pub(crate) struct KnownArtifacts(Cache<Digest, ()>);

impl Default for KnownArtifacts {
    fn default() -> Self {
        let cache = Cache::builder().max_capacity(CAPACITY).time_to_live(TTL);
        Self(cache.build())
    }
}

impl KnownArtifacts {
    /// Remembers a stored artifact.
    pub(crate) async fn note(&self, digest: Digest) {
        self.0.insert(digest, ()).await;
    }

    /// Whether it was stored a while ago.
    pub(crate) fn contains(&self, digest: Digest) -> bool {
        self.0.contains_key(&digest)
    }
}
