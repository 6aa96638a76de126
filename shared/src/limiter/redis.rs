//! The limiter of all processes that share a Redis. Of large limits each process takes shares, so
//! that not every request asks. While Redis is away or refuses, each counts by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use deadpool_redis::redis::{ErrorKind, Script, ServerErrorKind, cmd};
use tokio::time::Instant;

use super::gcra::{Gcra, bounded};
use super::memory::Memory;
use super::shares::{Grant, Shares};
use super::{Decision, Limiter, Rate};
use crate::clock::Clock;
use crate::redis::{CommandError, RedisClient};

/// Before each key, for those who share a Redis with others.
const PREFIX: &str = "tars:limit:";

/// A script runs alone in its server, which makes its reading and writing one step.
const COUNT: &str = include_str!("count.lua");

/// A limiter in Redis.
#[derive(Debug)]
pub struct Redis {
    client: Arc<RedisClient>,
    /// By which name Redis knows the script once it has seen it.
    hash: String,
    /// What this process has taken of large limits.
    shares: Shares,
    /// Counts while Redis does not.
    alone: Memory,
    refuses: AtomicBool,
}

impl Redis {
    /// A limiter at the end of `client`. Time passes by `clock` while Redis is away.
    pub fn new(client: Arc<RedisClient>, clock: Arc<dyn Clock>) -> Self {
        let hash = Script::new(COUNT).get_hash().to_owned();
        Self {
            client,
            hash,
            shares: Shares::default(),
            alone: Memory::new(clock),
            refuses: AtomicBool::new(false),
        }
    }

    /// Takes up to `wanted` requests off the budget that all processes share.
    async fn take(&self, key: &str, gcra: Gcra, wanted: u32) -> Result<Grant, CommandError> {
        match self.run("EVALSHA", &self.hash, key, gcra, wanted).await {
            // It was started anew, or is asked for the first time. `EVAL` also keeps the script.
            Err(CommandError::Refused(error))
                if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) =>
            {
                self.run("EVAL", COUNT, key, gcra, wanted).await
            }
            answer => answer,
        }
    }

    async fn run(
        &self,
        command: &str,
        script: &str,
        key: &str,
        gcra: Gcra,
        wanted: u32,
    ) -> Result<Grant, CommandError> {
        let mut command = cmd(command);
        command
            .arg(script)
            .arg(1)
            .arg(prefixed(key))
            .arg(gcra.interval)
            .arg(gcra.full)
            .arg(wanted);
        let (granted, debt) = self.client.ask(&command).await?;
        Ok(Grant { granted, debt })
    }

    /// Counts with the others: from the share of this process, where the rate has shares.
    async fn count_together(&self, key: &str, gcra: Gcra) -> Result<Decision, CommandError> {
        let Some(share) = self.shares.of(key, gcra) else {
            let Grant { granted, debt } = self.take(key, gcra, 1).await?;
            return Ok(gcra.decision(granted > 0, debt));
        };
        // Whoever comes while a share is being taken waits for it: it is for them too.
        let mut share = share.lock().await;
        let asked = Instant::now();
        if let Some(decision) = share.spend(gcra, asked) {
            return Ok(decision);
        }
        let grant = self.take(key, gcra, share.wanted(gcra, asked)).await?;
        Ok(share.take(gcra, grant, asked))
    }
}

fn prefixed(key: &str) -> String {
    format!("{PREFIX}{}", bounded(key))
}

#[async_trait]
impl Limiter for Redis {
    async fn count(&self, key: &str, rate: Rate) -> Decision {
        let Some(gcra) = Gcra::of(rate) else {
            return Decision::UNLIMITED;
        };
        match self.count_together(key, gcra).await {
            Ok(decision) => {
                self.refuses.store(false, Ordering::Relaxed);
                return decision;
            }
            Err(CommandError::Refused(error)) if !self.refuses.swap(true, Ordering::Relaxed) => {
                tracing::warn!(redis = %self.client.address(), %error, "Redis counts nothing: this process limits by itself");
            }
            // Logged where it was noticed first.
            Err(CommandError::Refused(_) | CommandError::Away(_)) => {}
        }
        self.alone.count_now(key, gcra)
    }

    async fn forget(&self, key: &str) {
        self.alone.forget(key).await;
        self.shares.forget(key);
        // Logged where its absence was noticed first.
        let _ = self.client.ask::<()>(cmd("DEL").arg(prefixed(key))).await;
    }
}
