//! Redis: shared by all processes, and allowed to be away.
//!
//! Every failure is a miss. While Redis is away, one request in each quarter of a second finds out whether it is back; the
//! others do not wait for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use deadpool_redis::redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, cmd};
use deadpool_redis::{Connection, Manager, Pool, Runtime, Timeouts};
use tokio::time::{Instant, timeout_at};

use super::Cache;
use crate::metrics::Metrics;

/// What a request may spend on the cache, the wait for a connection included.
const PATIENCE: Duration = Duration::from_millis(150);

/// How long an absent Redis is left alone after each failure.
const REST: Duration = Duration::from_millis(250);

/// Connections of one process. Each carries one command at a time, for far less than a millisecond.
const CONNECTIONS: usize = 16;

/// Before each key, for those who share a Redis with others.
const PREFIX: &str = "tars:";

/// The URL cannot be used. Says why in one line, without the password.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the cache's URL cannot be used: {0}")]
pub struct OpenError(String);

/// A cache in Redis.
pub struct Redis {
    pool: Pool,
    /// Host and port.
    address: String,
    outage: Mutex<Option<Outage>>,
    refuses: AtomicBool,
    metrics: Arc<Metrics>,
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis").field("address", &self.address).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Outage {
    reason: String,
    /// Until then nobody asks.
    rest: Instant,
}

/// Why there is no answer.
enum Failure {
    /// Redis is away.
    Away(String),
    /// Redis answers that it will not, for instance for lack of memory.
    Refused(String),
}

impl Redis {
    /// Takes `redis://user:password@host:port/database`. Nothing connects before the first use.
    pub fn open(url: &str, metrics: Arc<Metrics>) -> Result<Self, OpenError> {
        if url.starts_with("rediss:") {
            return Err(OpenError("rediss: TLS is not built in; use redis: in a network that you trust".to_owned()));
        }
        if !url.starts_with("redis://") {
            return Err(OpenError("it must begin with redis://".to_owned()));
        }
        let client = Client::open(url).map_err(|error| OpenError(error.to_string()))?;
        let address = client.get_connection_info().addr().to_string();
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
        let manager = Manager::new_with_config(url, config).map_err(|error| OpenError(error.to_string()))?;
        let timeouts = Timeouts { wait: Some(PATIENCE), create: Some(PATIENCE), recycle: Some(PATIENCE) };
        let pool = Pool::builder(manager).max_size(CONNECTIONS).timeouts(timeouts).runtime(Runtime::Tokio1);
        let pool = pool.build().map_err(|error| OpenError(error.to_string()))?;
        Ok(Self { pool, address, outage: Mutex::new(None), refuses: AtomicBool::new(false), metrics })
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Failure> {
        self.rest()?;
        let answer = self.ask_now(command).await;
        match &answer {
            Err(Failure::Away(reason)) => self.note_absence(reason),
            Ok(_) | Err(Failure::Refused(_)) => self.note_presence(),
        }
        answer
    }

    async fn ask_now<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Failure> {
        let deadline = Instant::now() + PATIENCE;
        let late = |_| Failure::Away(format!("no answer within {PATIENCE:?}"));
        let away = |error: &dyn std::fmt::Display| Failure::Away(error.to_string());
        let got = timeout_at(deadline, self.pool.get()).await.map_err(late)?;
        let mut connection = got.map_err(|error| away(&error))?;
        let failure = match timeout_at(deadline, command.query_async(&mut connection)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) if !error.is_unrecoverable_error() && !error.is_io_error() => {
                return Err(Failure::Refused(error.to_string()));
            }
            Ok(Err(error)) => away(&error),
            Err(elapsed) => late(elapsed),
        };
        // Out of the pool with it: the next request is not to find it there.
        drop(Connection::take(connection));
        Err(failure)
    }

    /// Fails without asking while Redis is away, but for one caller when the rest is over.
    fn rest(&self) -> Result<(), Failure> {
        match &mut *self.outage.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(outage) if Instant::now() < outage.rest => Err(Failure::Away(outage.reason.clone())),
            Some(outage) => {
                outage.rest = Instant::now() + REST;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn note_absence(&self, reason: &str) {
        let now = Outage { reason: reason.to_owned(), rest: Instant::now() + REST };
        let before = self.outage.lock().unwrap_or_else(PoisonError::into_inner).replace(now);
        if before.is_none() {
            // The idle connections are no better, and each would cost a later request its patience.
            self.pool.retain(|_, _| false);
            tracing::warn!(cache = %self.address, error = reason, "the cache is away: everything is a miss");
        }
    }

    fn note_presence(&self) {
        if self.outage.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
            tracing::info!(cache = %self.address, "the cache is back");
            self.metrics.reconnects.with_label_values(&["cache"]).inc();
        }
    }
}

fn prefixed(key: &str) -> String {
    format!("{PREFIX}{key}")
}

#[async_trait]
impl Cache for Redis {
    async fn find(&self, key: &str) -> Option<Bytes> {
        self.ask(cmd("GET").arg(prefixed(key))).await.ok().flatten()
    }

    async fn put(&self, key: &str, value: Bytes, ttl: Duration) {
        // Redis takes no expiry of zero.
        let milliseconds = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut set = cmd("SET");
        set.arg(prefixed(key)).arg(&value[..]).arg("PX").arg(milliseconds);
        match self.ask::<()>(&set).await {
            Ok(()) => self.refuses.store(false, Ordering::Relaxed),
            Err(Failure::Refused(error)) if !self.refuses.swap(true, Ordering::Relaxed) => {
                tracing::warn!(cache = %self.address, error, "the cache keeps nothing");
            }
            // Logged where it was noticed first.
            Err(Failure::Refused(_) | Failure::Away(_)) => {}
        }
    }

    async fn remove(&self, key: &str) {
        // Logged where its absence was noticed first.
        let _ = self.ask::<()>(cmd("DEL").arg(prefixed(key))).await;
    }

    async fn ping(&self) -> Result<(), String> {
        self.ask::<()>(&cmd("PING")).await.map_err(|failure| match failure {
            Failure::Away(reason) | Failure::Refused(reason) => format!("{}: {reason}", self.address),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_cannot_be_used_is_refused_in_one_line_without_its_password() {
        for url in [
            "rediss://:secret@h",
            "redis:secret@h",
            "http://:secret@h",
            "redis://:secret@h:port",
            "redis://:secret@h/x",
        ] {
            let error = Redis::open(url, Arc::new(Metrics::new())).unwrap_err().to_string();
            assert!(!error.contains("secret") && !error.contains('\n'), "{error}");
        }
        let cache = Redis::open("redis://:secret@cache:7/3", Arc::new(Metrics::new())).unwrap();
        assert_eq!(cache.address, "cache:7");
        assert!(!format!("{cache:?}").contains("secret"));
    }
}
