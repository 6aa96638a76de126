//! The embedded store: one SQLite file in WAL mode, one writer, durable at every commit.
//!
//! The SQL keeps to what PostgreSQL understands too: numbered parameters, `ON CONFLICT`, `RETURNING`, time bound from the
//! clock.

mod artifacts;
mod baselines;
mod claims;
mod dispatches;
mod jobs;
mod leases;
mod rows;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite as Driver, SqlitePool, Transaction};

use super::{Error, Store};
use crate::clock::Clock;

/// Up and down migrations, embedded in the binary.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/sqlite");

/// How long a statement waits for the writer before the store counts as unavailable.
const BUSY: Duration = Duration::from_secs(5);

/// The store in one SQLite file.
#[derive(Debug, Clone)]
pub struct Sqlite {
    /// SQLite allows one writer at a time: waiting for this pool's only connection is fair and never "busy".
    writer: SqlitePool,
    /// WAL readers never wait for the writer.
    readers: SqlitePool,
    clock: Arc<dyn Clock>,
}

impl Sqlite {
    /// Opens the file, creates it where it does not exist, and brings its schema up to date.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A 202 promises durability: every commit reaches the disk before its answer leaves.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        let pool = |connections| SqlitePoolOptions::new().max_connections(connections).acquire_timeout(BUSY);
        let writer = pool(1).connect_with(options.clone()).await?;
        MIGRATIONS.run(&writer).await.map_err(|error| Error::Corrupt(error.to_string()))?;
        let readers = pool(4).connect_with(options.read_only(true)).await?;
        Ok(Self { writer, readers, clock })
    }

    /// This store behind its ports.
    pub fn into_store(self) -> Store {
        let store = Arc::new(self);
        Store {
            jobs: store.clone(),
            leases: store.clone(),
            dispatches: store.clone(),
            baselines: store.clone(),
            artifacts: store,
        }
    }

    /// A transaction that holds the write lock from its start, so that what it reads is still true when it writes.
    async fn write(&self) -> Result<Transaction<'_, Driver>, Error> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_) => {
                Self::Corrupt(error.to_string())
            }
            _ => Self::Unavailable(error.to_string()),
        }
    }
}
