//! Starts the parts of the service for `tars-stack`.

use std::time::Duration;
use tars_chaos::{Fleet, Process, Stack, eventually};

/// A worker may finish what it is at.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

pub(crate) struct ServiceProcess {
    pub(crate) fleet: Fleet,
    pub(crate) workers: Vec<Process>,
}

impl ServiceProcess {
    pub(crate) fn start(stack: Stack, port: u16, workers: u32) -> anyhow::Result<Self> {
        let fleet = Fleet::start_on(stack, port)?;
        let workers = (1..=workers).map(|number| fleet.worker(&format!("worker-{number}"), 1, &[]));
        let workers = workers.collect::<Result<_, _>>()?;
        Ok(Self { fleet, workers })
    }

    /// The API and the workers.
    pub(crate) fn processes(&self) -> impl Iterator<Item = &Process> {
        self.fleet.api().into_iter().chain(&self.workers)
    }

    /// An end in order, where that is possible. What is left gets killed when it is dropped.
    pub(crate) fn stop(&self) {
        for process in self.processes() {
            // One that has ended, or is frozen, needs no request.
            let _ = process.terminate();
        }
        eventually(STOP_TIMEOUT, || !self.processes().any(Process::is_running));
    }
}
