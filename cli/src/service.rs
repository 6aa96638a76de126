//! The embedded service: API and workers in one process on one data folder.

use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use tars_engine::regression::Thresholds;
use tars_shared::clock::System;
use tars_shared::services::Services;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A running service. Dropping it without [`stop`](Self::stop) is like a crash: harmless.
pub(crate) struct Service {
    address: SocketAddr,
    unfinished: u64,
    shutdown: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    /// Held for as long as the service runs.
    _lock: File,
}

impl Service {
    /// Opens the data folder, takes up what a former process left unfinished, and serves.
    pub(crate) async fn start(
        data: &Path,
        api: &tars_api::Config,
        worker: &tars_worker::Config,
        thresholds: Thresholds,
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(data).with_context(|| format!("cannot create the data folder {}", data.display()))?;
        let lock = lock(data)?;
        let services = Services::embedded(data, Arc::new(System)).await?;
        let shutdown = CancellationToken::new();
        let api = tars_api::Api::bind(services.clone(), api).await?;
        let address = api.address();
        // The lock proves that no other process runs these jobs: whoever held their leases is gone.
        let unfinished = services.store.dispatches.orphan_all().await?;
        let worker = tars_worker::run(services, worker.clone(), thresholds, shutdown.clone());
        let tasks = vec![tokio::spawn(api.run(shutdown.clone())), tokio::spawn(worker)];
        Ok(Self { address, unfinished, shutdown, tasks, _lock: lock })
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Jobs that a former process left unfinished.
    pub(crate) fn unfinished(&self) -> u64 {
        self.unfinished
    }

    /// Stops: requests under way finish, running evaluations are handed back.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        for task in self.tasks {
            task.await.context("a part of the service broke down")?;
        }
        Ok(())
    }
}

/// Two processes on one data folder would take each other's jobs for abandoned.
fn lock(data: &Path) -> anyhow::Result<File> {
    let path = data.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("another tars process uses {}: stop it, or choose another folder with --data", data.display())
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}
