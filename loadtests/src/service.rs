//! The service that is loaded: one that runs somewhere, or a private one.

use std::env;

use anyhow::{Context as _, ensure};
use tars_chaos::{Fleet, Parts, PostgresOptions, Process, Stack};
use tars_client::Client;

use crate::connection::Target;
use crate::processes::Watched;

/// The largest limit that a service token can have.
const MAX_REQUESTS_PER_MINUTE: u32 = 1_000_000;
const TOKEN_TIMEOUT: std::time::Duration = std::time::Duration::from_mins(1);

/// Which service is loaded.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Where {
    /// Start a private Postgres, `RabbitMQ`, Redis, API and workers, and remove them afterwards;
    /// else the service is the one at `TARS_SERVER`, and `TARS_TOKEN` opens it
    #[arg(long)]
    stack: bool,
    /// Worker processes of the private service
    #[arg(long, default_value_t = 2, value_name = "N")]
    workers: u32,
    /// Evaluations that each of them runs at the same time [default: what a worker takes by itself]
    #[arg(long, value_name = "N")]
    concurrency: Option<u32>,
}

/// A service, and what is needed to load it.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) target: Target,
    pub(crate) client: Client,
    /// None where the service runs elsewhere.
    pub(crate) private: Option<Private>,
}

/// A private service with its workers.
#[derive(Debug)]
pub(crate) struct Private {
    pub(crate) workers: Vec<Process>,
    pub(crate) fleet: Fleet,
    concurrency: Option<u32>,
}

impl Where {
    /// Starts the service, or finds it. Its token may ask so many times a minute.
    pub(crate) async fn open(&self, requests_per_minute: u32) -> anyhow::Result<Service> {
        if !self.stack {
            return Service::from_environment().await;
        }
        let (count, concurrency) = (self.workers, self.concurrency);
        let start = move || Private::start(count, concurrency);
        let private = tokio::task::spawn_blocking(start).await??;
        let token = private.token(requests_per_minute.min(MAX_REQUESTS_PER_MINUTE))?;
        let url = format!("http://{}", private.fleet.address());
        Service::at(&url, &token, Some(private)).await
    }
}

impl Service {
    /// The one that `TARS_SERVER` and `TARS_TOKEN` name.
    pub(crate) async fn from_environment() -> anyhow::Result<Self> {
        let read = |name| {
            env::var(name).with_context(|| format!("{name} is not set, and there is no --stack"))
        };
        Self::at(&read("TARS_SERVER")?, &read("TARS_TOKEN")?, None).await
    }

    async fn at(url: &str, token: &str, private: Option<Private>) -> anyhow::Result<Self> {
        let client = Client::new(url.parse()?, Some(token))?;
        Ok(Self {
            target: Target::of(url, token).await?,
            client,
            private,
        })
    }

    /// The processes of the service, where they are ours.
    pub(crate) fn processes(&self) -> Vec<Watched> {
        let watched = |process: &Process| Watched {
            name: process.name().to_owned(),
            pid: process.pid(),
        };
        let private = self.private.iter();
        private
            .flat_map(|private| {
                private
                    .fleet
                    .api()
                    .into_iter()
                    .chain(&private.workers)
                    .map(watched)
            })
            .collect()
    }
}

impl Private {
    fn start(count: u32, concurrency: Option<u32>) -> anyhow::Result<Self> {
        // A limit that is off would make the figures those of another service.
        let changed: Vec<String> = env::vars()
            .map(|(name, _)| name)
            .filter(|name| name.starts_with("EVAL_RATE_"))
            .collect();
        ensure!(
            changed.is_empty(),
            "limits are measured as deployed; these variables change them: {}",
            changed.join(", ")
        );
        let fleet = Fleet::start_as_deployed(Stack::start(&parts())?)?;
        let mut private = Self {
            workers: Vec::new(),
            fleet,
            concurrency,
        };
        for number in 1..=count {
            let worker = private.worker(&format!("worker-{number}"))?;
            private.workers.push(worker);
        }
        Ok(private)
    }

    /// Starts one more worker.
    pub(crate) fn worker(&self, name: &str) -> Result<Process, tars_chaos::Error> {
        let cores = || {
            std::thread::available_parallelism()
                .map_or(1, |cores| cores.get().try_into().unwrap_or(1))
        };
        self.fleet
            .worker(name, self.concurrency.unwrap_or_else(cores), &[])
    }

    /// Makes a token for this load. It may read and evaluate, and no more.
    fn token(&self, requests_per_minute: u32) -> anyhow::Result<String> {
        let stack = self.fleet.stack();
        let arguments = [
            "token",
            "create",
            "load",
            "--role",
            "developer",
            "--requests-per-minute",
        ];
        let program = stack
            .tars("token")?
            .args(arguments)
            .arg(requests_per_minute.to_string());
        Ok(program
            .output(stack.sandbox(), TOKEN_TIMEOUT)?
            .trim()
            .to_owned())
    }
}

/// A database that counts its statements, a broker and a cache, and no replica: with one, each
/// page would be written twice on the same disk.
pub(crate) fn parts() -> Parts {
    let count = (
        "shared_preload_libraries".to_owned(),
        "pg_stat_statements".to_owned(),
    );
    let postgres = PostgresOptions {
        settings: vec![count],
        ..PostgresOptions::default()
    };
    Parts {
        postgres: Some(postgres),
        ..Parts::default().with_rabbitmq().with_redis()
    }
}
