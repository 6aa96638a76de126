//! Which database holds the store, and where it is.

use std::path::PathBuf;

use super::postgres;

/// Which database holds the store.
#[derive(Debug, Clone)]
pub enum StoreBackend {
    /// One file on this machine.
    Sqlite(PathBuf),
    /// One or more hosts.
    Postgres(postgres::Settings),
}
