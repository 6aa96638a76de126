//! The parts together.

use crate::binary;
use crate::error::Error;
use crate::error::doing;
use crate::postgres::Postgres;
use crate::postgres::options::PostgresOptions;
use crate::process::program::Program;
use crate::rabbitmq::RabbitMq;
use crate::rabbitmq::options::RabbitMqOptions;
use crate::redis::{Redis, RedisOptions};
use crate::sandbox::Sandbox;
use crate::secret::secret;
use std::io;
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};

/// Which parts a stack has. `Parts::default()` has none.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// A Postgres that accepts writes.
    pub postgres: Option<PostgresOptions>,
    /// A Postgres that follows it.
    pub replica: bool,
    /// A `RabbitMQ`.
    pub rabbitmq: Option<RabbitMqOptions>,
    /// A Redis.
    pub redis: Option<RedisOptions>,
}

impl Parts {
    /// Postgres with a replica, `RabbitMQ` and Redis.
    pub fn all() -> Self {
        Self::default().with_replica().with_rabbitmq().with_redis()
    }

    /// Adds a Postgres.
    #[must_use]
    pub fn with_postgres(self) -> Self {
        Self {
            postgres: Some(self.postgres.unwrap_or_default()),
            ..self
        }
    }

    /// Adds a Postgres and its replica.
    #[must_use]
    pub fn with_replica(self) -> Self {
        Self {
            replica: true,
            ..self.with_postgres()
        }
    }

    /// Adds a `RabbitMQ`.
    #[must_use]
    pub fn with_rabbitmq(self) -> Self {
        Self {
            rabbitmq: Some(self.rabbitmq.unwrap_or_default()),
            ..self
        }
    }

    /// Adds a Redis.
    #[must_use]
    pub fn with_redis(self) -> Self {
        Self {
            redis: Some(self.redis.unwrap_or_default()),
            ..self
        }
    }
}

/// A running stack. Dropping it ends everything, as does the end of the process that owns it,
/// however it comes.
///
/// Its methods block. In an async test, a call that may take long (a start) belongs into
/// `spawn_blocking` if other tasks of the test must go on meanwhile.
#[derive(Debug)]
pub struct Stack {
    postgres: Option<Postgres>,
    replica: Option<Postgres>,
    rabbitmq: Option<RabbitMq>,
    redis: Option<Redis>,
    /// What all its API processes sign tokens with.
    signing_secret: String,
    sandbox: Arc<Sandbox>,
}

impl Stack {
    /// Starts the parts side by side; returns when all have proved that they are ours.
    pub fn start(parts: &Parts) -> Result<Self, Error> {
        let sandbox = Arc::new(Sandbox::new()?);
        thread::scope(|scope| {
            let databases = scope.spawn(|| databases(parts, &sandbox));
            let rabbitmq = scope.spawn(|| {
                parts
                    .rabbitmq
                    .map(|options| RabbitMq::launch_in(&sandbox, options))
                    .transpose()
            });
            let redis = parts
                .redis
                .map(|options| Redis::launch_in(&sandbox, options))
                .transpose();
            let (databases, rabbitmq) = (join(databases), join(rabbitmq));
            let (postgres, replica) = databases?;
            let signing_secret = secret() + &secret();
            let sandbox = sandbox.clone();
            Ok(Self {
                postgres,
                replica,
                rabbitmq: rabbitmq?,
                redis: redis?,
                signing_secret,
                sandbox,
            })
        })
    }

    /// The Postgres that accepts writes.
    ///
    /// # Panics
    /// If the stack was started without it, which is a mistake of the caller. So do the other
    /// parts' accessors.
    pub fn postgres(&self) -> &Postgres {
        self.postgres
            .as_ref()
            .expect("the stack was started with a Postgres")
    }

    /// The Postgres that follows it.
    ///
    /// # Panics
    /// If the stack was started without it.
    pub fn replica(&self) -> &Postgres {
        self.replica
            .as_ref()
            .expect("the stack was started with a replica")
    }

    /// The `RabbitMQ`.
    ///
    /// # Panics
    /// If the stack was started without it.
    pub fn rabbitmq(&self) -> &RabbitMq {
        self.rabbitmq
            .as_ref()
            .expect("the stack was started with a RabbitMQ")
    }

    /// The Redis.
    ///
    /// # Panics
    /// If the stack was started without it.
    pub fn redis(&self) -> &Redis {
        self.redis
            .as_ref()
            .expect("the stack was started with a Redis")
    }

    /// Where the files and logs are, for programs that run beside the stack.
    pub fn sandbox(&self) -> &Arc<Sandbox> {
        &self.sandbox
    }

    /// The variables by which `tars` finds the parts that there are, and the secret that its API
    /// processes share.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let variables = [
            ("DATABASE_URL", self.postgres.as_ref().map(Postgres::url)),
            (
                "DATABASE_REPLICA_URL",
                self.replica.as_ref().map(Postgres::url),
            ),
            ("QUEUE_URL", self.rabbitmq.as_ref().map(RabbitMq::url)),
            ("CACHE_URL", self.redis.as_ref().map(Redis::url)),
            ("JWT_SECRET_KEY", Some(self.signing_secret.clone())),
        ];
        variables
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }

    /// The `tars` binary with that environment, ready for arguments:
    /// `stack.tars("worker-1")?.arg("worker").start(stack.sandbox())`.
    pub fn tars(&self, name: &str) -> Result<Program, Error> {
        Ok(Program::new(name, binary::tars()?).envs(self.environment()))
    }
}

fn databases(
    parts: &Parts,
    sandbox: &Arc<Sandbox>,
) -> Result<(Option<Postgres>, Option<Postgres>), Error> {
    let Some(options) = &parts.postgres else {
        return Ok((None, None));
    };
    let postgres = Postgres::launch_in(sandbox, options)?;
    let replica = if parts.replica {
        Some(Postgres::launch_replica_of(&postgres, options)?)
    } else {
        None
    };
    Ok((Some(postgres), replica))
}

/// A panic of the thread has been printed already.
fn join<T>(thread: ScopedJoinHandle<'_, Result<T, Error>>) -> Result<T, Error> {
    thread.join().unwrap_or_else(|_| {
        Err(doing("starting a part")(io::Error::other(
            "its thread panicked",
        )))
    })
}
