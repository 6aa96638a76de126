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

/// How long a host is left alone between two probes, unless something went wrong with it.
const PROBE_INTERVAL: Duration = Duration::from_millis(400);
/// A host that has not said what it is by then counts as away.
const PROBE_TIMEOUT: Duration = Duration::from_millis(700);
/// The shortest time between two probes, however much goes wrong.
const MIN_PROBE_INTERVAL: Duration = Duration::from_millis(100);
/// How long a call waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// A connection that was idle for longer is asked whether it still leads to what it led to.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// What a host said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HostState {
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

impl HostState {
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
    state: watch::Sender<(HostState, Duration)>,
    reprobe: Arc<Notify>,
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
        let reprobe = Arc::new(Notify::new());
        let pool = RwLock::new(pool(&options, connections, &reprobe));
        let state = watch::Sender::new((HostState::Unknown, Duration::ZERO));
        Ok(Self {
            name,
            options,
            connections,
            pool,
            state,
            reprobe,
        })
    }

    pub(super) fn pool(&self) -> PgPool {
        self.pool
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn state(&self) -> HostState {
        self.state.borrow().0.clone()
    }

    pub(super) fn changes(&self) -> watch::Receiver<(HostState, Duration)> {
        self.state.subscribe()
    }

    /// Something went wrong with this host: it is asked at once what it is.
    pub(super) fn reprobe(&self) {
        self.reprobe.notify_one();
    }

    /// For health checks and operators.
    pub(super) fn inspect(&self) -> store::Host {
        let (state, latency) = self.state.borrow().clone();
        let pool = self.pool();
        let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
        let role = match state {
            HostState::Primary { .. } => Ok(store::Role::Primary),
            HostState::Replica => Ok(store::Role::Replica),
            HostState::Unknown => Err("it has not answered yet".to_owned()),
            HostState::Away(reason) | HostState::Refuses(reason) => Err(reason),
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
            let state = match tokio::time::timeout(
                PROBE_TIMEOUT,
                self.ask(&mut connection, clock.as_deref()),
            )
            .await
            {
                Ok(Ok(state)) => state,
                Ok(Err(error)) => fault(&error),
                Err(_) => {
                    HostState::Away(format!("no answer within {} ms", PROBE_TIMEOUT.as_millis()))
                }
            };
            if matches!(state, HostState::Away(_) | HostState::Refuses(_)) {
                connection = None;
            }
            self.note(state, start.elapsed(), &metrics);
            tokio::time::sleep(MIN_PROBE_INTERVAL).await;
            // A connection that broke a moment ago is replaced at once: the host may be there again
            // already.
            if connection.is_some() || fresh {
                let _ = tokio::time::timeout(PROBE_INTERVAL, self.reprobe.notified()).await;
            }
        }
    }

    async fn ask(
        &self,
        connection: &mut Option<PgConnection>,
        clock: Option<&DatabaseClock>,
    ) -> sqlx::Result<HostState> {
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
            return Ok(HostState::Replica);
        }
        if let (Some(clock), Some(asked)) = (clock, asked) {
            clock.set(
                row.try_get::<DateTime<Utc>, _>("now")?,
                asked,
                clock.local(),
            );
        }
        let timeline: String = row.try_get("timeline")?;
        Ok(HostState::Primary {
            timeline: u32::from_str_radix(&timeline, 16).unwrap_or_default(),
        })
    }

    /// Notes what the host is now. Where that changed, its connections are made anew: those of
    /// before may lead to a process that is gone, or hang on a network that was cut.
    fn note(&self, state: HostState, latency: Duration, metrics: &Metrics) {
        let former = self.state();
        if !former.is_like(&state) {
            match &state {
                HostState::Primary { timeline } => {
                    tracing::info!(host = self.name, timeline, "is the primary");
                }
                HostState::Replica => tracing::info!(host = self.name, "is a replica"),
                HostState::Away(reason) => tracing::warn!(host = self.name, reason, "is away"),
                HostState::Refuses(reason) => {
                    tracing::error!(host = self.name, reason, "refuses us");
                }
                HostState::Unknown => {}
            }
            if former != HostState::Unknown {
                let fresh = pool(&self.options, self.connections, &self.reprobe);
                *self.pool.write().unwrap_or_else(PoisonError::into_inner) = fresh;
            }
            if matches!(former, HostState::Away(_))
                && matches!(state, HostState::Primary { .. } | HostState::Replica)
            {
                metrics.reconnects.with_label_values(&["store"]).inc();
            }
        }
        self.state.send_replace((state, latency));
    }
}

/// A pool that makes its connections when they are needed.
fn pool(options: &PgConnectOptions, connections: u32, reprobe: &Arc<Notify>) -> PgPool {
    let reprobe = reprobe.clone();
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(move |connection, meta| {
            let reprobe = reprobe.clone();
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
                    reprobe.notify_one();
                }
                changed.map(|_| true)
            })
        })
        .connect_lazy_with(options.clone())
}

/// What an error says about its host.
fn fault(error: &sqlx::Error) -> HostState {
    let Some(answer) = error.as_database_error() else {
        return HostState::Away(error.to_string());
    };
    match answer.code().as_deref() {
        // Invalid authorization, and no such database: nothing that waiting would change.
        Some("28000" | "28P01" | "3D000") => HostState::Refuses(answer.message().to_owned()),
        _ => HostState::Away(answer.message().to_owned()),
    }
}
