//! The cache in Redis: shared by all processes, and allowed to be away. Every failure is a miss.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use deadpool_redis::redis::cmd;

use super::Cache;
use crate::redis::{CommandError, RedisClient};

/// Before each key, for those who share a Redis with others.
const PREFIX: &str = "tars:";

/// A cache in Redis.
#[derive(Debug)]
pub struct Redis {
    client: Arc<RedisClient>,
    refuses: AtomicBool,
}

impl Redis {
    /// A cache at the end of `client`.
    pub fn new(client: Arc<RedisClient>) -> Self {
        Self {
            client,
            refuses: AtomicBool::new(false),
        }
    }
}

fn prefixed(key: &str) -> String {
    format!("{PREFIX}{key}")
}

#[async_trait]
impl Cache for Redis {
    async fn find(&self, key: &str) -> Option<Bytes> {
        self.client
            .ask(cmd("GET").arg(prefixed(key)))
            .await
            .ok()
            .flatten()
    }

    async fn put(&self, key: &str, value: Bytes, ttl: Duration) {
        // Redis takes no expiry of zero.
        let milliseconds = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut set = cmd("SET");
        set.arg(prefixed(key))
            .arg(&value[..])
            .arg("PX")
            .arg(milliseconds);
        match self.client.ask::<()>(&set).await {
            Ok(()) => self.refuses.store(false, Ordering::Relaxed),
            Err(CommandError::Refused(error)) if !self.refuses.swap(true, Ordering::Relaxed) => {
                tracing::warn!(cache = %self.client.address(), %error, "the cache keeps nothing");
            }
            // Logged where it was noticed first.
            Err(CommandError::Refused(_) | CommandError::Away(_)) => {}
        }
    }

    async fn remove(&self, key: &str) {
        // Logged where its absence was noticed first.
        let _ = self.client.ask::<()>(cmd("DEL").arg(prefixed(key))).await;
    }

    async fn ping(&self) -> Result<(), String> {
        self.client
            .ask::<()>(&cmd("PING"))
            .await
            .map_err(|failure| format!("{}: {failure}", self.client.address()))
    }
}
