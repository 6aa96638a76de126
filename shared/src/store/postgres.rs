//! The production store: `PostgreSQL`, a primary and optionally a replica.
//!
//! What it says to the database is in `sql/`, which both databases share. Which host it says it to
//! is decided in `cluster`, by what each host says of itself.

/// Rows that a transaction decides upon are locked until its end.
macro_rules! for_update {
    () => {
        " FOR UPDATE"
    };
}

/// Rows that somebody else has locked are passed over.
macro_rules! skip_locked {
    () => {
        " FOR UPDATE SKIP LOCKED"
    };
}

#[path = "sql/artifacts.rs"]
mod artifacts;
#[path = "sql/audit.rs"]
mod audit;
#[path = "sql/baselines.rs"]
mod baselines;
#[path = "sql/cancellations.rs"]
mod cancellations;
#[path = "sql/candidates.rs"]
mod candidates;
#[path = "sql/claims.rs"]
mod claims;
mod clock;
mod cluster;
#[path = "sql/dead_letters.rs"]
mod dead_letters;
#[path = "sql/dispatches.rs"]
mod dispatches;
#[path = "sql/evaluations.rs"]
mod evaluations;
#[path = "sql/failures.rs"]
mod failures;
mod host;
#[path = "sql/inserts.rs"]
mod inserts;
#[path = "sql/jobs.rs"]
mod jobs;
#[path = "sql/leases.rs"]
mod leases;
#[path = "sql/pauses.rs"]
mod pauses;
mod recording;
#[path = "sql/replaying.rs"]
mod replaying;
#[path = "sql/replays.rs"]
mod replays;
#[path = "sql/retention.rs"]
mod retention;
#[path = "sql/reuse.rs"]
mod reuse;
#[path = "sql/rows.rs"]
mod rows;
#[path = "sql/selections.rs"]
mod selections;
#[path = "sql/service_tokens.rs"]
mod service_tokens;
#[path = "sql/sessions.rs"]
mod sessions;
mod settings;
#[path = "sql/signing_keys.rs"]
mod signing_keys;
#[path = "sql/submitters.rs"]
mod submitters;
#[macro_use]
#[path = "sql/transitions.rs"]
mod transitions;
mod batches;
#[path = "sql/users.rs"]
mod users;
#[path = "sql/waits.rs"]
mod waits;
#[path = "sql/webhooks.rs"]
mod webhooks;
#[path = "sql/workers.rs"]
mod workers;
mod writing;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;
use sqlx::pool::PoolConnection;
use uuid::Uuid;

use self::Postgres as Adapter;
use self::clock::DatabaseClock;
use self::cluster::Cluster;
pub use self::settings::Settings;
use self::writing::Writing;
use super::versions::{Versions, newest};
use super::{Error, Host, Hosts, Store};
use crate::clock::Clock;
use crate::metrics::Metrics;

type Driver = sqlx::Postgres;
type Connection = sqlx::PgConnection;
type Row = sqlx::postgres::PgRow;
/// A statement with what is bound to it.
type Statement<'q> = sqlx::query::Query<'q, Driver, <Driver as sqlx::Database>::Arguments>;

/// Up and down migrations, embedded in the binary.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/postgres");

/// What PostgreSQL says of a table that does not exist.
const UNDEFINED_TABLE: &str = "42P01";

/// The store in `PostgreSQL`.
#[derive(Debug)]
pub struct Postgres {
    cluster: Cluster,
    clock: Arc<dyn Clock>,
}

impl Postgres {
    /// Begins to watch the hosts. Nothing is asked for yet, so that a service can start while its
    /// database is away; [`ready`](Self::ready) waits for an answer.
    ///
    /// # Errors
    /// One line about a URL that cannot be understood, without its password.
    pub fn open(
        settings: &Settings,
        clock: Arc<dyn Clock>,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, String> {
        let database_clock = Arc::new(DatabaseClock::new(clock));
        let followed = settings.follow_database_clock.then_some(&database_clock);
        let cluster = Cluster::watch(settings, followed, metrics)?;
        Ok(Self {
            cluster,
            clock: database_clock,
        })
    }

    /// The clock that this store goes by.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// Waits until a primary answers.
    pub async fn ready(&self, timeout: Duration) -> Result<(), Error> {
        self.cluster.ready(timeout).await
    }

    /// Whether a host refuses us for good: wrong credentials, no such database. Waiting would not
    /// help.
    pub fn refusal(&self) -> Option<String> {
        self.cluster.refusal()
    }

    /// The version of the schema, and the version that this program needs.
    pub async fn schema(&self) -> Result<Versions, Error> {
        let applied: Result<Option<i64>, _> =
            sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success")
                .fetch_one(&mut *self.cluster.writer().await?)
                .await;
        let applied = match applied {
            Ok(version) => version.unwrap_or_default(),
            Err(sqlx::Error::Database(fault))
                if fault.code().as_deref() == Some(UNDEFINED_TABLE) =>
            {
                0
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Versions {
            applied,
            newest: newest(&MIGRATIONS),
        })
    }

    /// Brings the schema up to date, or up or down to `target`. Of several programs that do so at
    /// once, one does it.
    pub async fn migrate(&self, target: Option<i64>) -> Result<(), Error> {
        let Versions { applied, newest } = self.schema().await?;
        let target = target.unwrap_or(newest.max(applied));
        let mut connection = self.cluster.writer().await?;
        if target < applied {
            MIGRATIONS.undo(&mut *connection, target).await?;
        } else {
            MIGRATIONS.run_to(target, &mut *connection).await?;
        }
        Ok(())
    }

    /// This store behind its ports.
    pub fn into_store(self: Arc<Self>) -> Store {
        Store::of(self)
    }

    async fn write(&self) -> Result<Writing, Error> {
        let connection = self.cluster.writer().await?;
        let begun = Writing::begin(connection).await;
        if begun.is_err() {
            self.cluster.reprobe();
        }
        Ok(begun?)
    }

    /// One statement that writes, and is committed when this returns.
    async fn carry_out(&self, statement: Statement<'_>) -> Result<Vec<Row>, Error> {
        let connection = self.cluster.writer().await?;
        let written = Writing::carry_out(connection, statement).await;
        if written.is_err() {
            self.cluster.reprobe();
        }
        Ok(written?)
    }

    async fn reader(&self) -> Result<PoolConnection<Driver>, Error> {
        self.cluster.reader().await
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn new_id(&self) -> Uuid {
        self.clock.new_id()
    }
}

/// One column of rows to be bound.
fn column<T, C>(rows: &[T], value: impl Fn(&T) -> C) -> Vec<C> {
    rows.iter().map(value).collect()
}

/// As a text, which becomes `JSON` as it is.
fn document<T: serde::Serialize>(document: T) -> Result<String, Error> {
    serde_json::to_string(&document).map_err(|error| Error::Corrupt(error.to_string()))
}

/// Continues a condition on a column: it is one of these ids. One text for any number of them.
fn push_ids(query: &mut QueryBuilder<Driver>, ids: &[Uuid]) {
    query.push("= ANY(").push_bind(ids.to_vec()).push(")");
}

/// Transactions that take the same lock run one after the other: for decisions upon rows that may
/// not be there yet. The lock ends with the transaction.
async fn lock(tx: &mut Connection, name: &str) -> Result<(), Error> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(name)
        .execute(tx)
        .await?;
    Ok(())
}

#[async_trait]
impl Hosts for Postgres {
    async fn inspect(&self) -> Vec<Host> {
        self.cluster.inspect()
    }

    fn is_writable(&self) -> bool {
        self.cluster.has_primary()
    }

    fn reads_from_replica(&self) -> bool {
        self.cluster.reads_from_replica()
    }
}
