//! API and workers in one process, by default on one data folder.

use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use tars_api::Api;
use tars_engine::regression::Thresholds;
use tars_shared::backends::{Backend, Backends};
use tars_shared::clock::System;
use tars_shared::mode::Mode;
use tars_shared::services::Services;
use tars_shared::store::backend::StoreBackend;
use tars_shared::store::migration;
use tars_worker::Shutdown;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::data_folder;

/// A service that holds its address and its data, and does not serve yet: what must be there before
/// the first request can be made now, and nothing is made where it could not serve.
pub(crate) struct Bound {
    services: Services,
    api: Api,
    unfinished: u64,
    lock: Option<File>,
}

impl Bound {
    /// Opens the parts, takes the address, and takes up what a former process left unfinished.
    /// Databases elsewhere are brought up to date, because nobody else does that for a process that
    /// is all there is.
    pub(crate) async fn new(
        backends: &Backends,
        api: &tars_api::Config,
        mode: Mode,
    ) -> anyhow::Result<Self> {
        let lock = match &backends.store {
            StoreBackend::Sqlite(file) => Some(lock(file)?),
            StoreBackend::Postgres(_) => {
                migration::migrate(&backends.store, None).await?;
                None
            }
        };
        let services = Services::open(backends, Arc::new(System)).await?;
        let api = Api::bind(services.clone(), api, mode).await?;
        let unfinished = match (&lock, &backends.queue) {
            // The lock proves that no other process runs these jobs: whoever held their leases is
            // gone, and the messages with them.
            (Some(_), Backend::Memory) => services.store.dispatches.orphan_all().await?,
            _ => 0,
        };
        Ok(Self {
            services,
            api,
            unfinished,
            lock,
        })
    }

    /// What is open.
    pub(crate) fn services(&self) -> &Services {
        &self.services
    }

    /// Serves.
    pub(crate) fn serve(
        self,
        worker: &tars_worker::Config,
        thresholds: Thresholds,
    ) -> EmbeddedService {
        let Self {
            services,
            api,
            unfinished,
            lock,
        } = self;
        let (address, api_shutdown, worker_shutdown) =
            (api.address(), CancellationToken::new(), Shutdown::default());
        let worker = tars_worker::run(
            services,
            worker.clone(),
            thresholds,
            worker_shutdown.clone(),
        );
        let tasks = vec![
            tokio::spawn(api.run(api_shutdown.clone())),
            tokio::spawn(worker),
        ];
        EmbeddedService {
            address,
            unfinished,
            api_shutdown,
            worker_shutdown,
            tasks,
            _lock: lock,
        }
    }
}

/// A running service. Dropping it without [`stop`](Self::stop) is like a crash: harmless.
pub(crate) struct EmbeddedService {
    address: SocketAddr,
    unfinished: u64,
    api_shutdown: CancellationToken,
    worker_shutdown: Shutdown,
    tasks: Vec<JoinHandle<()>>,
    /// Held for as long as the service runs.
    _lock: Option<File>,
}

impl EmbeddedService {
    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Jobs that a former process left unfinished.
    pub(crate) fn unfinished(&self) -> u64 {
        self.unfinished
    }

    /// Stops: requests under way finish, running evaluations are requeued.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.api_shutdown.cancel();
        self.worker_shutdown.at_once();
        for task in self.tasks {
            task.await.context("a part of the service broke down")?;
        }
        Ok(())
    }
}

/// Two processes on one data folder would take each other's jobs for abandoned.
fn lock(database: &Path) -> anyhow::Result<File> {
    let data = database
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    data_folder::create(data)?;
    let path = data.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!(
                "another tars process uses {}: stop it, or choose another folder with --data",
                data.display()
            )
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}
