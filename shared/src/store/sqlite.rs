//! The embedded store: one SQLite file in WAL mode, one writer, durable at every commit.
//!
//! What it says to the database is in `sql/`, which both databases share.

/// A transaction holds the only writer from its start: nothing needs a lock of its own.
macro_rules! for_update {
    () => {
        ""
    };
}

/// No row is ever locked while another transaction writes.
macro_rules! skip_locked {
    () => {
        ""
    };
}

#[path = "sql/artifacts.rs"]
mod artifacts;
#[path = "sql/audit.rs"]
mod audit;
#[path = "sql/baselines.rs"]
mod baselines;
mod batches;
#[path = "sql/cancellations.rs"]
mod cancellations;
#[path = "sql/candidates.rs"]
mod candidates;
#[path = "sql/claims.rs"]
mod claims;
#[path = "sql/dead_letters.rs"]
mod dead_letters;
#[path = "sql/dispatches.rs"]
mod dispatches;
#[path = "sql/evaluations.rs"]
mod evaluations;
#[path = "sql/failures.rs"]
mod failures;
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
#[path = "sql/signing_keys.rs"]
mod signing_keys;
#[path = "sql/submitters.rs"]
mod submitters;
#[path = "sql/transitions.rs"]
mod transitions;
#[path = "sql/users.rs"]
mod users;
#[path = "sql/waits.rs"]
mod waits;
#[path = "sql/webhooks.rs"]
mod webhooks;
#[path = "sql/workers.rs"]
mod workers;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, QueryBuilder, SqlitePool, Transaction};
use uuid::Uuid;

use self::Sqlite as Adapter;
use super::versions::{Versions, newest};
use super::{Error, Host, Hosts, Role, Store};
use crate::clock::Clock;

type Driver = sqlx::Sqlite;
type Connection = sqlx::SqliteConnection;
type Row = sqlx::sqlite::SqliteRow;
/// A statement with what is bound to it.
type Statement<'q> = sqlx::query::Query<'q, Driver, <Driver as sqlx::Database>::Arguments>;

/// Up and down migrations, embedded in the binary.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/sqlite");

/// How long a statement waits for the writer before the store counts as unavailable.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The store in one SQLite file.
#[derive(Debug, Clone)]
pub struct Sqlite {
    /// SQLite allows one writer at a time: waiting for this pool's only connection is fair and
    /// never "busy".
    writer: SqlitePool,
    /// WAL readers never wait for the writer.
    readers: SqlitePool,
    clock: Arc<dyn Clock>,
}

impl Sqlite {
    /// Opens the file, creates it where it does not exist, and brings its schema up to date.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let options = options(path);
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(BUSY_TIMEOUT)
        };
        let writer = pool(1).connect_with(options.clone()).await?;
        MIGRATIONS.run(&writer).await?;
        let readers = pool(4).connect_with(options.read_only(true)).await?;
        Ok(Self {
            writer,
            readers,
            clock,
        })
    }

    /// The version of a file's schema. A file that is not there has none, and is not made.
    pub(super) async fn schema(path: &Path) -> Result<Versions, Error> {
        let newest = newest(&MIGRATIONS);
        if !path.exists() {
            return Ok(Versions { applied: 0, newest });
        }
        let mut connection = Connection::connect_with(&options(path)).await?;
        let exists = sqlx::query("SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations'");
        if exists.fetch_optional(&mut connection).await?.is_none() {
            return Ok(Versions { applied: 0, newest });
        }
        let applied: Option<i64> =
            sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success")
                .fetch_one(&mut connection)
                .await?;
        Ok(Versions {
            applied: applied.unwrap_or_default(),
            newest,
        })
    }

    /// Brings a file's schema up to date, or up or down to `target`.
    pub(super) async fn migrate(path: &Path, target: Option<i64>) -> Result<(), Error> {
        let Versions { applied, newest } = Self::schema(path).await?;
        let target = target.unwrap_or(newest.max(applied));
        let mut connection = Connection::connect_with(&options(path)).await?;
        if target < applied {
            MIGRATIONS.undo(&mut connection, target).await?;
        } else {
            MIGRATIONS.run_to(target, &mut connection).await?;
        }
        Ok(())
    }

    /// This store behind its ports.
    pub fn into_store(self) -> Store {
        Store::of(Arc::new(self))
    }

    /// A transaction that holds the write lock from its start, so that what it reads is still true
    /// when it writes.
    async fn write(&self) -> Result<Transaction<'static, Driver>, Error> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// One statement that writes, and is committed when this returns.
    async fn carry_out(&self, statement: Statement<'_>) -> Result<Vec<Row>, Error> {
        Ok(statement.fetch_all(&self.writer).await?)
    }

    async fn reader(&self) -> Result<PoolConnection<Driver>, Error> {
        Ok(self.readers.acquire().await?)
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn new_id(&self) -> Uuid {
        self.clock.new_id()
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // A 202 promises durability: every commit reaches the disk before its answer leaves.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
}

/// Continues a condition on a column: it is one of these ids.
fn push_ids(query: &mut QueryBuilder<Driver>, ids: &[Uuid]) {
    query.push("IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
    query.push(")");
}

/// Nothing to take: every transaction holds the write lock.
async fn lock(_: &mut Connection, _name: &str) -> Result<(), Error> {
    Ok(())
}

#[async_trait]
impl Hosts for Sqlite {
    async fn inspect(&self) -> Vec<Host> {
        let start = Instant::now();
        let answer = sqlx::query("SELECT 1").execute(&self.readers).await;
        let idle = u32::try_from(self.readers.num_idle()).unwrap_or(u32::MAX);
        vec![Host {
            name: "sqlite".to_owned(),
            role: answer
                .map(|_| Role::Primary)
                .map_err(|error| error.to_string()),
            latency: start.elapsed(),
            connections: (self.readers.size().saturating_sub(idle), idle),
        }]
    }

    fn is_writable(&self) -> bool {
        true
    }

    fn reads_from_replica(&self) -> bool {
        false
    }
}
