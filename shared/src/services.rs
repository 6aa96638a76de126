//! The ports that api and worker run on, opened once and shared.

use std::path::Path;
use std::sync::Arc;

use crate::cache::{self, Cache};
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::queue::{self, Queue};
use crate::store::sqlite::Sqlite;
use crate::store::{self, Store};

/// The name of the database file inside a data folder.
const DATABASE_FILE: &str = "tars.db";

/// The ports that api and worker run on.
#[derive(Clone)]
pub struct Services {
    /// What must survive a crash.
    pub store: Store,
    /// What waits for a worker.
    pub queue: Arc<dyn Queue>,
    /// What may be forgotten.
    pub cache: Arc<dyn Cache>,
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

impl Services {
    /// The embedded default: everything in this process, durable in one file in `data`.
    pub async fn embedded(data: &Path, clock: Arc<dyn Clock>) -> Result<Self, store::Error> {
        let store = Sqlite::open(&data.join(DATABASE_FILE), clock.clone()).await?.into_store();
        Ok(Self {
            store,
            queue: Arc::new(queue::memory::Memory::default()),
            cache: Arc::new(cache::memory::Memory::new(clock.clone())),
            clock,
            metrics: Arc::new(Metrics::new()),
        })
    }
}
