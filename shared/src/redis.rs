//! The one connection of a process to its Redis, shared by everything that is kept there.
//!
//! Redis is allowed to be away. Then one request in each quarter of a second finds out whether it
//! is back; the others do not wait for it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deadpool_redis::redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisError};
use deadpool_redis::{Connection, Manager, Pool, Runtime, Timeouts};
use tokio::time::{Instant, timeout_at};

use crate::metrics::Metrics;

/// What a request may spend on Redis, the wait for a connection included, before it goes on
/// without.
pub const COMMAND_TIMEOUT: Duration = Duration::from_millis(150);

/// How long an absent Redis is left alone after each failure.
const PROBE_INTERVAL: Duration = Duration::from_millis(250);

/// Connections of one process. Each carries one command at a time, for far less than a millisecond.
const CONNECTIONS: usize = 16;

/// The URL cannot be used. Says why in one line, without the password.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the cache's URL cannot be used: {0}")]
pub struct OpenError(String);

/// The way to a Redis.
pub struct RedisClient {
    pool: Pool,
    timeout: Duration,
    /// Host and port.
    address: String,
    outage: Mutex<Option<Outage>>,
    metrics: Arc<Metrics>,
}

impl fmt::Debug for RedisClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisClient")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Outage {
    reason: String,
    /// Until then no command is sent.
    probe_at: Instant,
}

/// Why there is no answer.
pub(crate) enum CommandError {
    /// Redis is away.
    Away(String),
    /// Redis answers that it will not, for instance for lack of memory.
    Refused(RedisError),
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away(reason) => f.write_str(reason),
            Self::Refused(error) => error.fmt(f),
        }
    }
}

impl RedisClient {
    /// Takes `redis://user:password@host:port/database`. Nothing connects before the first use, and
    /// no command is waited for longer than `timeout`, which is [`COMMAND_TIMEOUT`] in a service.
    pub fn open(
        url: &str,
        timeout: Duration,
        metrics: Arc<Metrics>,
    ) -> Result<Arc<Self>, OpenError> {
        if url.starts_with("rediss:") {
            return Err(OpenError(
                "rediss: TLS is not built in; use redis: in a network that you trust".to_owned(),
            ));
        }
        if !url.starts_with("redis://") {
            return Err(OpenError("it must begin with redis://".to_owned()));
        }
        let client = Client::open(url).map_err(|error| OpenError(error.to_string()))?;
        let address = client.get_connection_info().addr().to_string();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(Some(timeout));
        let manager =
            Manager::new_with_config(url, config).map_err(|error| OpenError(error.to_string()))?;
        let timeouts = Timeouts {
            wait: Some(timeout),
            create: Some(timeout),
            recycle: Some(timeout),
        };
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .timeouts(timeouts)
            .runtime(Runtime::Tokio1);
        let pool = pool.build().map_err(|error| OpenError(error.to_string()))?;
        Ok(Arc::new(Self {
            pool,
            timeout,
            address,
            outage: Mutex::new(None),
            metrics,
        }))
    }

    /// The host and port, to be named in messages.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Sends one command, unless Redis is known to be away.
    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, CommandError> {
        self.check_outage()?;
        let answer = self.ask_now(command).await;
        match &answer {
            Err(CommandError::Away(reason)) => self.note_absence(reason),
            Ok(_) | Err(CommandError::Refused(_)) => self.note_presence(),
        }
        answer
    }

    async fn ask_now<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, CommandError> {
        let deadline = Instant::now() + self.timeout;
        let late = |_| CommandError::Away(format!("no answer within {:?}", self.timeout));
        let away = |error: &dyn std::fmt::Display| CommandError::Away(error.to_string());
        let got = timeout_at(deadline, self.pool.get()).await.map_err(late)?;
        let mut connection = got.map_err(|error| away(&error))?;
        let failure = match timeout_at(deadline, command.query_async(&mut connection)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) if !error.is_unrecoverable_error() && !error.is_io_error() => {
                return Err(CommandError::Refused(error));
            }
            Ok(Err(error)) => away(&error),
            Err(elapsed) => late(elapsed),
        };
        // Out of the pool with it: the next request is not to find it there.
        drop(Connection::take(connection));
        Err(failure)
    }

    /// Fails without asking while Redis is away, but for one caller once per probe interval.
    fn check_outage(&self) -> Result<(), CommandError> {
        match &mut *self.outage.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(outage) if Instant::now() < outage.probe_at => {
                Err(CommandError::Away(outage.reason.clone()))
            }
            Some(outage) => {
                outage.probe_at = Instant::now() + PROBE_INTERVAL;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn note_absence(&self, reason: &str) {
        let now = Outage {
            reason: reason.to_owned(),
            probe_at: Instant::now() + PROBE_INTERVAL,
        };
        let before = self
            .outage
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(now);
        if before.is_none() {
            // The idle connections are no better, and each would cost a later request its timeout.
            self.pool.retain(|_, _| false);
            tracing::warn!(redis = %self.address, error = reason, "Redis is away: the cache misses, limits are counted alone");
        }
    }

    fn note_presence(&self) {
        if self
            .outage
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .is_some()
        {
            tracing::info!(redis = %self.address, "Redis is back");
            self.metrics.reconnects.with_label_values(&["cache"]).inc();
        }
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
            let error = RedisClient::open(url, COMMAND_TIMEOUT, Arc::new(Metrics::new()))
                .unwrap_err()
                .to_string();
            assert!(
                !error.contains("secret") && !error.contains('\n'),
                "{error}"
            );
        }
        let link = RedisClient::open(
            "redis://:secret@cache:7/3",
            COMMAND_TIMEOUT,
            Arc::new(Metrics::new()),
        )
        .unwrap();
        assert_eq!(link.address, "cache:7");
        assert!(!format!("{link:?}").contains("secret"));
    }
}
