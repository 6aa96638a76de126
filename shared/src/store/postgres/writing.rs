//! Writes that never leave a connection in doubt.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Executor as _, PgConnection, Postgres};

/// A transaction. Unless it is ended in order, its connection is closed instead of going back to
/// the pool: whatever was under way when the caller went, or when an answer got lost, ends with it.
/// (sqlx's own transactions can leave a connection inside one when the future that begins them is
/// dropped: <https://github.com/launchbadge/sqlx/issues/4385>.)
#[derive(Debug)]
pub(super) struct Writing(Option<PoolConnection<Postgres>>);

impl Writing {
    /// Begins. A host that takes no writes says so here: an idle connection may have been to a
    /// primary that is a replica now.
    pub(super) async fn begin(connection: PoolConnection<Postgres>) -> Result<Self, sqlx::Error> {
        let mut writing = Self(Some(connection));
        writing.execute("BEGIN READ WRITE").await?;
        Ok(writing)
    }

    /// A statement that commits by itself. The rows are there when the commit is; an error means
    /// *unknown*, as at a [`commit`](Self::commit). A host that takes no writes refuses the statement.
    pub(super) async fn carry_out(
        connection: PoolConnection<Postgres>,
        statement: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let mut writing = Self(Some(connection));
        // To the end of the answer, which follows the commit.
        let rows = statement.fetch_all(&mut *writing).await?;
        drop(writing.0.take());
        Ok(rows)
    }

    /// Commits. An error means *unknown*: the commit may have been carried out, and only its answer
    /// got lost.
    pub(super) async fn commit(mut self) -> Result<(), sqlx::Error> {
        self.execute("COMMIT").await?;
        // In order again: back to the pool.
        drop(self.0.take());
        Ok(())
    }

    /// Takes everything back.
    pub(super) async fn rollback(mut self) -> Result<(), sqlx::Error> {
        self.execute("ROLLBACK").await?;
        drop(self.0.take());
        Ok(())
    }
}

impl Deref for Writing {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.0
            .as_deref()
            .expect("the connection is there until the commit, which consumes this")
    }
}

impl DerefMut for Writing {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.0
            .as_deref_mut()
            .expect("the connection is there until the commit, which consumes this")
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}
