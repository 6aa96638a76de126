//! Which adapter stands behind each port.

use std::fmt;
use std::path::Path;

use crate::store::backend::StoreBackend;

/// The name of the database file inside a data folder.
const DATABASE_FILE: &str = "tars.db";

/// What holds the queue or the cache.
#[derive(Clone, PartialEq, Eq)]
pub enum Backend {
    /// In this process.
    Memory,
    /// On a server, at this URL.
    Server(String),
}

/// Without the URL: it holds a password.
impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "Memory",
            Self::Server(_) => "Server",
        })
    }
}

/// The backend of every port.
#[derive(Debug, Clone)]
pub struct Backends {
    /// What must survive a crash.
    pub store: StoreBackend,
    /// What waits for a worker.
    pub queue: Backend,
    /// What may be forgotten.
    pub cache: Backend,
}

impl Backends {
    /// Everything in this process, its data in one file in this folder.
    pub fn embedded(data: &Path) -> Self {
        Self {
            store: StoreBackend::Sqlite(data.join(DATABASE_FILE)),
            queue: Backend::Memory,
            cache: Backend::Memory,
        }
    }
}
