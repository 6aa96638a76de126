//! The port for answers that may be forgotten at any time. Every failure is a miss.

pub mod memory;
pub mod redis;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

/// A store of bytes that may forget.
#[async_trait]
pub trait Cache: Send + Sync {
    /// The bytes under `key`, unless they expired, were pushed out, or the cache is out of reach.
    async fn find(&self, key: &str) -> Option<Bytes>;

    /// Keeps bytes for at most `ttl`.
    async fn put(&self, key: &str, value: Bytes, ttl: Duration);

    /// Forgets a key. When that does not reach a shared cache, its old value may be found until it
    /// expires.
    async fn remove(&self, key: &str);

    /// Whether the cache answers at all; the reason otherwise.
    async fn ping(&self) -> Result<(), String>;
}
