//! The worker's options. Each is an environment variable too.

use std::num::NonZero;
use std::time::Duration;

use tars_engine::regression::Thresholds;
use tars_shared::dead_letter::Keeping;
use tars_shared::webhook::Webhooks;

use crate::host;

/// Characters of a worker's name that count, and as many of its host's.
const MAX_NAME: usize = 64;

/// The worker's options.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Config {
    /// Evaluations at the same time [default: the number of cores]
    #[arg(long, env = "EVAL_WORKER_CONCURRENCY", value_name = "N")]
    pub concurrency: Option<NonZero<u16>>,
    /// Deliveries of each priority that are here at one time when jobs are short. Long jobs are taken
    /// one by one; so are all with 1
    #[arg(long, env = "EVAL_WORKER_WINDOW", default_value_t = 1024, value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub window: u16,
    /// How this worker signs its leases, followed by its host and its process id
    #[arg(
        long,
        env = "EVAL_WORKER_NAME",
        default_value = "worker",
        value_name = "NAME"
    )]
    pub worker_name: String,
    /// Seconds after which the job of a worker that renews nothing goes to another one
    #[arg(long, env = "EVAL_LEASE_SECONDS", default_value_t = 5, value_name = "SECONDS",
          value_parser = clap::value_parser!(u32).range(2..=3600))]
    pub lease_seconds: u32,
    /// Attempts after which a job fails
    #[arg(long, env = "EVAL_MAX_ATTEMPTS", default_value_t = 5, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=100))]
    pub max_attempts: u32,
    /// Seconds that running jobs may take to finish once the worker was asked to end; then they are
    /// requeued
    #[arg(long, env = "EVAL_GRACE_SECONDS", default_value_t = 25, value_name = "SECONDS",
          value_parser = clap::value_parser!(u32).range(0..=86400))]
    pub grace_seconds: u32,
    /// How long what has ended is kept, and how often it is replayed.
    #[arg(skip)]
    pub keeping: Keeping,
    /// Memory for policies that jobs may name again, in MiB; 0 reads each anew
    #[arg(
        long,
        env = "EVAL_POLICY_CACHE_MIB",
        default_value_t = 64,
        value_name = "MIB"
    )]
    pub policy_cache_mib: u32,
    /// How webhooks are sent: options that API and worker share.
    #[arg(skip)]
    pub webhooks: Webhooks,
}

impl Config {
    /// How many evaluations run at the same time.
    pub(crate) fn slots(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        self.concurrency
            .map_or_else(cores, |slots| slots.get().into())
    }

    /// How many deliveries of each priority may be here.
    pub(crate) fn window(&self) -> usize {
        self.window.into()
    }

    /// How long a lease lasts without renewal.
    pub(crate) fn lease_term(&self) -> Duration {
        Duration::from_secs(self.lease_seconds.into())
    }

    /// How long running jobs may take to finish after the worker was asked to end.
    pub(crate) fn grace(&self) -> Duration {
        Duration::from_secs(self.grace_seconds.into())
    }

    /// The bytes of policies that are kept.
    pub(crate) fn policy_cache_bytes(&self) -> u64 {
        u64::from(self.policy_cache_mib) * 1024 * 1024
    }

    /// How this process signs its leases, and by which it is drained: unlike every other's. In
    /// containers, process ids alone are the same everywhere.
    pub(crate) fn name(&self) -> String {
        let (given, host) = (&self.worker_name, host::name());
        // It stands in paths.
        let plain = |letter: char| {
            if letter.is_ascii_alphanumeric() || ".-_".contains(letter) {
                letter
            } else {
                '-'
            }
        };
        let name: String = given.chars().take(MAX_NAME).map(plain).collect();
        let host: String = host.chars().take(MAX_NAME).map(plain).collect();
        format!("{name}-{host}-{}", std::process::id())
    }
}

/// When a difference counts: the thresholds of the regression checks.
#[derive(Debug, Clone, Copy, clap::Args)]
#[group(skip)]
pub struct Checks {
    /// Rise of the failure rate over the baseline's that fails the check
    #[arg(
        long,
        env = "EVAL_FAILURE_RATE",
        default_value_t = 0.15,
        value_name = "SHARE"
    )]
    pub failure_rate: f64,
    /// Drop of the mean reward, relative to the baseline's, that may be tolerated
    #[arg(
        long,
        env = "EVAL_REWARD_DROP_PCT",
        default_value_t = 0.10,
        value_name = "SHARE"
    )]
    pub reward_drop_pct: f64,
    /// Ratio of the reward's variance to the baseline's that fails the check
    #[arg(
        long,
        env = "EVAL_VARIANCE_MULTIPLIER",
        default_value_t = 2.5,
        value_name = "RATIO"
    )]
    pub variance_multiplier: f64,
    /// How many of the last training losses the loss trend looks at
    #[arg(
        long,
        env = "EVAL_LOSS_TREND_WINDOW",
        default_value_t = 10,
        value_name = "N"
    )]
    pub loss_trend_window: usize,
}

impl Checks {
    /// The engine's thresholds; an error names the bad option.
    pub fn thresholds(&self) -> Result<Thresholds, String> {
        let thresholds = Thresholds {
            failure_rate: self.failure_rate,
            reward_drop_pct: self.reward_drop_pct,
            variance_multiplier: self.variance_multiplier,
            loss_trend_window: self.loss_trend_window,
            ..Thresholds::default()
        };
        thresholds.check().map_err(|error| error.to_string())?;
        Ok(thresholds)
    }
}
