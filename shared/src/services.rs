//! The ports that api and worker run on, opened once and shared.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::backends::{Backend, Backends};
use crate::cache::{self, Cache};
use crate::clock::Clock;
use crate::limiter::{self, Limiter};
use crate::metrics::Metrics;
use crate::queue::rabbitmq::{NotReady, RabbitMq};
use crate::queue::{self, Queue};
use crate::redis::{self, RedisClient};
use crate::store::backend::StoreBackend;
use crate::store::postgres::Postgres;
use crate::store::sqlite::Sqlite;
use crate::store::{self, Store, Versions};

/// How long a start waits for a part that does not answer.
const OPEN_TIMEOUT: Duration = Duration::from_secs(3);

/// The ports that api and worker run on.
#[derive(Clone)]
pub struct Services {
    /// What must survive a crash.
    pub store: Store,
    /// What waits for a worker.
    pub queue: Arc<dyn Queue>,
    /// What may be forgotten.
    pub cache: Arc<dyn Cache>,
    /// How much each caller may ask.
    pub limiter: Arc<dyn Limiter>,
    /// Time and fresh ids.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}

/// Why the parts cannot be opened. Each is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A URL cannot be understood, or the part at its end refuses us. Waiting would not help.
    #[error("{part}: {reason}")]
    Refused {
        /// The variable that names the part.
        part: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// No durable home answers.
    #[error("neither the database nor the queue answers (database: {store}; queue: {queue})")]
    Unreachable {
        /// What the store said.
        store: String,
        /// What the queue said.
        queue: String,
    },
    /// The database's schema is older than this program.
    #[error(
        "the database's schema has version {found}, this program needs {needed}: run `tars migrate` first"
    )]
    Schema {
        /// What there is.
        found: i64,
        /// What there should be.
        needed: i64,
    },
    /// The embedded store cannot be opened.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Services {
    /// The embedded default: everything in this process, durable in one file in `data`.
    pub async fn embedded(data: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        Self::open(&Backends::embedded(data), clock).await
    }

    /// Opens every part. One durable home that answers is enough to start: the other is waited for
    /// while serving.
    pub async fn open(backends: &Backends, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let metrics = Arc::new(Metrics::new());
        let redis = open_redis(&backends.cache, &metrics)?;
        let (cache, limiter) = (
            open_cache(redis.as_ref(), &clock),
            open_limiter(redis, &clock),
        );
        let opening_store = open_store(&backends.store, &clock, &metrics);
        let (store, queue) = tokio::join!(opening_store, open_queue(&backends.queue, &metrics));
        let ((store, clock, store_away), (queue, queue_away)) = (store?, queue?);
        match (store_away, queue_away) {
            (Some(store), Some(queue)) => return Err(OpenError::Unreachable { store, queue }),
            (Some(reason), None) => tracing::warn!(reason, "starting without the database"),
            (None, Some(reason)) => tracing::warn!(reason, "starting without the queue"),
            (None, None) => {}
        }
        Ok(Self {
            store,
            queue,
            cache,
            limiter,
            clock,
            metrics,
        })
    }
}

/// The store alone, for a command that runs beside the service, and the clock that everybody who
/// shares it goes by. Nothing is waited for here: a database that does not answer is an error.
pub async fn open_store_alone(
    backend: &StoreBackend,
    clock: Arc<dyn Clock>,
) -> Result<(Store, Arc<dyn Clock>), OpenError> {
    let (store, clock, away) = open_store(backend, &clock, &Arc::new(Metrics::new())).await?;
    match away {
        Some(reason) => Err(store::Error::Unavailable(reason).into()),
        None => Ok((store, clock)),
    }
}

fn refused<E: std::fmt::Display>(part: &'static str) -> impl FnOnce(E) -> OpenError {
    move |error| OpenError::Refused {
        part,
        reason: error.to_string(),
    }
}

/// The way to Redis, unless its part is played in this process.
fn open_redis(
    backend: &Backend,
    metrics: &Arc<Metrics>,
) -> Result<Option<Arc<RedisClient>>, OpenError> {
    let Backend::Server(url) = backend else {
        return Ok(None);
    };
    RedisClient::open(url, redis::COMMAND_TIMEOUT, metrics.clone())
        .map(Some)
        .map_err(refused("CACHE_URL"))
}

fn open_cache(redis: Option<&Arc<RedisClient>>, clock: &Arc<dyn Clock>) -> Arc<dyn Cache> {
    match redis {
        Some(client) => Arc::new(cache::redis::Redis::new(client.clone())),
        None => Arc::new(cache::memory::Memory::new(clock.clone())),
    }
}

fn open_limiter(redis: Option<Arc<RedisClient>>, clock: &Arc<dyn Clock>) -> Arc<dyn Limiter> {
    match redis {
        Some(client) => Arc::new(limiter::redis::Redis::new(client, clock.clone())),
        None => Arc::new(limiter::memory::Memory::new(clock.clone())),
    }
}

/// Opens the store; the clock that everybody who shares it goes by; why it does not answer, if it
/// does not.
async fn open_store(
    backend: &StoreBackend,
    clock: &Arc<dyn Clock>,
    metrics: &Arc<Metrics>,
) -> Result<(Store, Arc<dyn Clock>, Option<String>), OpenError> {
    let settings = match backend {
        StoreBackend::Sqlite(path) => {
            return Ok((
                Sqlite::open(path, clock.clone()).await?.into_store(),
                clock.clone(),
                None,
            ));
        }
        StoreBackend::Postgres(settings) => settings,
    };
    let postgres =
        Postgres::open(settings, clock.clone(), metrics).map_err(refused("DATABASE_URL"))?;
    let ready = postgres.ready(OPEN_TIMEOUT).await;
    if let Some(reason) = postgres.refusal() {
        return Err(OpenError::Refused {
            part: "DATABASE_URL",
            reason,
        });
    }
    // A database may also go away while it is asked for its schema.
    let schema = async {
        ready?;
        postgres.schema().await
    };
    let away = match tokio::time::timeout(OPEN_TIMEOUT, schema).await {
        Ok(Ok(Versions { applied, newest })) if applied < newest => {
            return Err(OpenError::Schema {
                found: applied,
                needed: newest,
            });
        }
        Ok(Ok(_)) => None,
        Ok(Err(store::Error::Unavailable(reason))) => Some(reason),
        Ok(Err(error)) => return Err(error.into()),
        Err(_) => Some("it does not say which schema it has".to_owned()),
    };
    let clock = postgres.clock();
    Ok((Arc::new(postgres).into_store(), clock, away))
}

/// Opens the queue; why it does not answer, if it does not.
async fn open_queue(
    backend: &Backend,
    metrics: &Arc<Metrics>,
) -> Result<(Arc<dyn Queue>, Option<String>), OpenError> {
    let url = match backend {
        Backend::Memory => return Ok((Arc::new(queue::memory::Memory::default()), None)),
        Backend::Server(url) => url,
    };
    let rabbitmq = RabbitMq::open(url, metrics.clone()).map_err(refused("QUEUE_URL"))?;
    let away = match rabbitmq.ready(OPEN_TIMEOUT).await {
        Ok(()) => None,
        Err(NotReady::Refused(reason)) => {
            return Err(OpenError::Refused {
                part: "QUEUE_URL",
                reason,
            });
        }
        Err(error) => Some(error.to_string()),
    };
    Ok((Arc::new(rabbitmq), away))
}
