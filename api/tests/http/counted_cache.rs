//! A shared cache that counts what it is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tars_shared::cache::Cache;
use tars_shared::services::Services;

pub(crate) struct CountedCache {
    inner: Arc<dyn Cache>,
    pub(crate) commands: AtomicUsize,
}

impl CountedCache {
    /// Puts the counter before the cache of these services.
    pub(crate) fn before(services: &mut Services) -> Arc<Self> {
        let counted = Arc::new(Self {
            inner: services.cache.clone(),
            commands: AtomicUsize::new(0),
        });
        services.cache = counted.clone();
        counted
    }

    /// The cache itself, for one command.
    fn counted(&self) -> &dyn Cache {
        self.commands.fetch_add(1, Ordering::Relaxed);
        &*self.inner
    }
}

#[async_trait]
impl Cache for CountedCache {
    async fn find(&self, key: &str) -> Option<Bytes> {
        self.counted().find(key).await
    }

    async fn put(&self, key: &str, value: Bytes, ttl: Duration) {
        self.counted().put(key, value, ttl).await;
    }

    async fn remove(&self, key: &str) {
        self.counted().remove(key).await;
    }

    async fn ping(&self) -> Result<(), String> {
        self.counted().ping().await
    }
}
