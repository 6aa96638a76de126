//! A private Postgres, and its streaming replica.

pub(crate) mod cluster;
pub(crate) mod options;
pub(crate) mod psql;

use self::cluster::Cluster;
use self::options::PostgresOptions;
use self::psql::Database;
use crate::deadline::eventually;
use crate::error::Error;
use crate::part::Part;
use crate::sandbox::Sandbox;
use std::sync::Arc;
use std::time::Duration;

/// A running Postgres.
pub type Postgres = Part<Cluster>;

impl Postgres {
    /// Starts a new, empty Postgres in the sandbox.
    pub fn launch_in(sandbox: &Arc<Sandbox>, options: &PostgresOptions) -> Result<Self, Error> {
        let cluster = Cluster::create("postgres", sandbox, options)?;
        cluster.initialise(sandbox)?;
        Self::launch(cluster, sandbox)
    }

    /// Starts a replica of a running Postgres: read-only, following by streaming, with a slot that
    /// keeps what it has not seen.
    pub fn launch_replica_of(primary: &Self, options: &PostgresOptions) -> Result<Self, Error> {
        let cluster = Cluster::create("replica", &primary.sandbox, options)?.like(&primary.server);
        cluster.copy_from(primary)?;
        Self::launch(cluster, &primary.sandbox)
    }

    /// The URL of the database `postgres`.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The URL of a database of this name, whether it exists or not.
    pub fn url_of(&self, database: &str) -> String {
        self.server.url(self.port(), database)
    }

    /// Creates an empty database of its own for a test.
    pub fn database(&self) -> Result<Database, Error> {
        Database::create_at(&self.url())
    }

    /// Executes SQL in the database `postgres` and returns what comes back: a line per row, `|`
    /// between columns.
    pub fn query(&self, sql: &str) -> Result<String, Error> {
        psql::query(&self.url(), sql)
    }

    /// Makes a replica a primary; returns when it accepts writes. The former primary knows nothing
    /// of it: kill or freeze it before. When it is started again, it comes back as the primary that
    /// it was.
    pub fn promote(&self) -> Result<(), Error> {
        match self.query("select pg_promote(true, 30)")?.as_str() {
            "t" => Ok(()),
            _ => Err(self.late("its promotion", Duration::from_secs(30))),
        }
    }

    /// Throws its data away and makes it a replica of another Postgres, as an operator does with a
    /// former primary.
    pub fn follow(&self, primary: &Self) -> Result<(), Error> {
        self.kill()?;
        self.server.empty()?;
        self.server.copy_from(primary)?;
        self.start()
    }

    /// Waits until it has replayed all that the primary has committed so far.
    pub fn catch_up_with(&self, primary: &Self, limit: Duration) -> Result<(), Error> {
        let position = primary.query("select pg_current_wal_flush_lsn()")?;
        let question = format!("select pg_last_wal_replay_lsn() >= '{position}'");
        let mut answer = Ok(String::new());
        let caught_up = eventually(limit, || {
            answer = self.query(&question);
            !matches!(answer.as_deref(), Ok("f"))
        });
        answer?;
        if caught_up {
            Ok(())
        } else {
            Err(self.late(format!("the replay of {position}"), limit))
        }
    }
}
