//! One host: a pool of connections, and what it was when it was last asked.

use std::str::FromStr as _;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, PgPool, Row as _};
use tokio::sync::{Notify, watch};

use super::clock::DatabaseClock;
use crate::metrics::Metrics;
use crate::store;

/// How long a host that nobody suspects is left alone between two questions.
const REST: Duration = Duration::from_millis(400);
/// A host that has not said what it is by then counts as away.
const PATIENCE: Duration = Duration::from_millis(700);
/// The shortest time between two questions, however much is suspected.
const BREATH: Duration = Duration::from_millis(100);
/// How long a call waits for a free connection.
const ACQUIRE: Duration = Duration::from_secs(2);
/// A connection that was idle for longer is asked whether it still leads to what it led to.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// What a host said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// It has not been asked yet.
    Unknown,
    /// It takes writes. After a failover the new primary's timeline is higher: an old one that
    /// comes back is behind.
    Primary { timeline: u32 },
    /// It follows a primary.
    Replica,
    /// It does not answer, for this reason.
    Away(String),
    /// It answers, but not to us, for this reason.
    Refuses(String),
}

impl Seen {
    /// Whether nothing changed but the words: a host that is away has many ways to say so.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Away(_), Self::Away(_)) | (Self::Refuses(_), Self::Refuses(_)) => true,
            _ => self == other,
        }
    }
}

/// One host.
pub(super) struct Node {
    /// Address and database, without credentials.
    pub(super) name: String,
    options: PgConnectOptions,
    connections: u32,
    pool: RwLock<PgPool>,
    seen: watch::Sender<(Seen, Duration)>,
    suspicion: Arc<Notify>,
}

/// Without its options: they hold a password.
impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Node {
    pub(super) fn new(url: &str, connections: u32) -> Result<Self, String> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|error| {
                format!("not a PostgreSQL URL ({error}): expected postgres://USER:PASSWORD@HOST/DATABASE")
            })?
            .application_name("tars")
            .disable_statement_logging();
        let database = options
            .get_database()
            .unwrap_or_else(|| options.get_username())
            .to_owned();
        let name = format!("{}:{}/{database}", options.get_host(), options.get_port());
        let suspicion = Arc::new(Notify::new());
        let pool = RwLock::new(pool(&options, connections, &suspicion));
        let seen = watch::Sender::new((Seen::Unknown, Duration::ZERO));
        Ok(Self {
            name,
            options,
            connections,
            pool,
            seen,
            suspicion,
        })
    }

    pub(super) fn pool(&self) -> PgPool {
        self.pool
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.borrow().0.clone()
    }

    pub(super) fn changes(&self) -> watch::Receiver<(Seen, Duration)> {
        self.seen.subscribe()
    }

    /// Something went wrong with this host: it is asked at once what it is.
    pub(super) fn suspect(&self) {
        self.suspicion.notify_one();
    }

    /// For health checks and operators.
    pub(super) fn inspect(&self) -> store::Host {
        let (seen, latency) = self.seen.borrow().clone();
        let pool = self.pool();
        let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
        let role = match seen {
            Seen::Primary { .. } => Ok(store::Role::Primary),
            Seen::Replica => Ok(store::Role::Replica),
            Seen::Unknown => Err("it has not answered yet".to_owned()),
            Seen::Away(reason) | Seen::Refuses(reason) => Err(reason),
        };
        store::Host {
            name: self.name.clone(),
            role,
            latency,
            connections: (pool.size().saturating_sub(idle), idle),
        }
    }

    /// Asks the host what it is, again and again, on a connection of its own: a pool that is
    /// exhausted says nothing about its host.
    pub(super) async fn watch(
        self: Arc<Self>,
        clock: Option<Arc<DatabaseClock>>,
        metrics: Arc<Metrics>,
    ) {
        let mut connection = None;
        loop {
            let fresh = connection.is_none();
            let start = Instant::now();
            let seen =
                match tokio::time::timeout(PATIENCE, self.ask(&mut connection, clock.as_deref()))
                    .await
                {
                    Ok(Ok(seen)) => seen,
                    Ok(Err(error)) => fault(&error),
                    Err(_) => Seen::Away(format!("no answer within {} ms", PATIENCE.as_millis())),
                };
            if matches!(seen, Seen::Away(_) | Seen::Refuses(_)) {
                connection = None;
            }
            self.note(seen, start.elapsed(), &metrics);
            tokio::time::sleep(BREATH).await;
            // A connection that broke a moment ago is replaced at once: the host may be there again
            // already.
            if connection.is_some() || fresh {
                let _ = tokio::time::timeout(REST, self.suspicion.notified()).await;
            }
        }
    }

    async fn ask(
        &self,
        connection: &mut Option<PgConnection>,
        clock: Option<&DatabaseClock>,
    ) -> sqlx::Result<Seen> {
        let connection = match connection {
            Some(connection) => connection,
            none => none.insert(PgConnection::connect_with(&self.options).await?),
        };
        let asked = clock.map(DatabaseClock::local);
        let row = sqlx::query(
            "SELECT clock_timestamp() AS now, pg_is_in_recovery() AS replica, CASE WHEN pg_is_in_recovery() THEN '' \
             ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END AS timeline",
        )
        .fetch_one(connection)
        .await?;
        if row.try_get("replica")? {
            return Ok(Seen::Replica);
        }
        if let (Some(clock), Some(asked)) = (clock, asked) {
            clock.set(
                row.try_get::<DateTime<Utc>, _>("now")?,
                asked,
                clock.local(),
            );
        }
        let timeline: String = row.try_get("timeline")?;
        Ok(Seen::Primary {
            timeline: u32::from_str_radix(&timeline, 16).unwrap_or_default(),
        })
    }

    /// Notes what the host is now. Where that changed, its connections are made anew: those of
    /// before may lead to a process that is gone, or hang on a network that was cut.
    fn note(&self, seen: Seen, latency: Duration, metrics: &Metrics) {
        let former = self.seen();
        if !former.is_like(&seen) {
            match &seen {
                Seen::Primary { timeline } => {
                    tracing::info!(host = self.name, timeline, "is the primary")
                }
                Seen::Replica => tracing::info!(host = self.name, "is a replica"),
                Seen::Away(reason) => tracing::warn!(host = self.name, reason, "is away"),
                Seen::Refuses(reason) => tracing::error!(host = self.name, reason, "refuses us"),
                Seen::Unknown => {}
            }
            if former != Seen::Unknown {
                let fresh = pool(&self.options, self.connections, &self.suspicion);
                *self.pool.write().unwrap_or_else(PoisonError::into_inner) = fresh;
            }
            if matches!(former, Seen::Away(_))
                && matches!(seen, Seen::Primary { .. } | Seen::Replica)
            {
                metrics.reconnects.with_label_values(&["store"]).inc();
            }
        }
        self.seen.send_replace((seen, latency));
    }
}

/// A pool that makes its connections when they are needed.
fn pool(options: &PgConnectOptions, connections: u32, suspicion: &Arc<Notify>) -> PgPool {
    let suspicion = suspicion.clone();
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(false)
        .before_acquire(move |connection, meta| {
            let suspicion = suspicion.clone();
            Box::pin(async move {
                if meta.idle_for < TRUSTED_IDLE {
                    return Ok(true);
                }
                // `SELECT 1` looks healthy on a primary that was demoted; this does not.
                let setting = sqlx::query_scalar("SHOW transaction_read_only")
                    .fetch_one(&mut *connection)
                    .await;
                let changed = setting.map(|read_only: String| read_only != "off");
                if !matches!(changed, Ok(false)) {
                    suspicion.notify_one();
                }
                changed.map(|_| true)
            })
        })
        .connect_lazy_with(options.clone())
}

/// What an error says about its host.
fn fault(error: &sqlx::Error) -> Seen {
    let Some(answer) = error.as_database_error() else {
        return Seen::Away(error.to_string());
    };
    match answer.code().as_deref() {
        // Invalid authorization, and no such database: nothing that waiting would change.
        Some("28000" | "28P01" | "3D000") => Seen::Refuses(answer.message().to_owned()),
        _ => Seen::Away(answer.message().to_owned()),
    }
}
