//! The in-process cache: bounded in bytes, with expiry.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::Cache;
use crate::clock::Clock;

/// What the cache may hold before it forgets everything and starts anew. A miss only costs a query.
const CAPACITY_BYTES: usize = 64 * 1024 * 1024;

/// A cache that lives and dies with its process.
#[derive(Debug)]
pub struct Memory {
    clock: Arc<dyn Clock>,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    by_key: HashMap<String, (Bytes, DateTime<Utc>)>,
    bytes: usize,
}

impl Entries {
    fn remove(&mut self, key: &str) {
        if let Some((value, _)) = self.by_key.remove(key) {
            self.bytes -= key.len() + value.len();
        }
    }
}

impl Memory {
    /// An empty cache whose entries expire by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            entries: Mutex::default(),
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Cache for Memory {
    async fn find(&self, key: &str) -> Option<Bytes> {
        let mut entries = self.entries();
        let (value, expires_at) = entries.by_key.get(key)?;
        if *expires_at > self.clock.now() {
            return Some(value.clone());
        }
        entries.remove(key);
        None
    }

    async fn put(&self, key: &str, value: Bytes, ttl: Duration) {
        let size = key.len() + value.len();
        let mut entries = self.entries();
        entries.remove(key);
        if entries.bytes + size > CAPACITY_BYTES {
            *entries = Entries::default();
        }
        entries.bytes += size;
        entries
            .by_key
            .insert(key.to_owned(), (value, self.clock.now() + ttl));
    }

    async fn remove(&self, key: &str) {
        self.entries().remove(key);
    }

    async fn ping(&self) -> Result<(), String> {
        Ok(())
    }
}
