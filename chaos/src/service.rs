//! The processes of T.A.R.S. itself.

use crate::readiness::is_ready;
use anyhow::{Context, bail};
use std::net::SocketAddr;
use std::time::Duration;
use tars_chaos::{Process, Stack, eventually};

pub(crate) const API: &str = "api";

const MIGRATED: Duration = Duration::from_mins(1);
const READY: Duration = Duration::from_secs(30);
/// A worker may finish what it is at.
const STOPPED: Duration = Duration::from_secs(15);

pub(crate) struct Service {
    address: String,
    processes: Vec<Process>,
}

impl Service {
    pub(crate) fn start(stack: &Stack, port: u16, workers: u32) -> anyhow::Result<Self> {
        stack.tars("migrate")?.arg("migrate").run(stack.sandbox(), MIGRATED)?;
        let api = stack.tars(API)?.args(["api", "--port", &port.to_string()]).start(stack.sandbox())?;
        let mut processes = vec![api];
        for number in 1..=workers {
            let worker = stack.tars(&format!("worker-{number}"))?.args(["worker", "--concurrency", "1"]);
            processes.push(worker.start(stack.sandbox())?);
        }
        let service = Self { address: format!("127.0.0.1:{port}"), processes };
        service.wait(SocketAddr::from(([127, 0, 0, 1], port)))?;
        Ok(service)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// An end in order, where that is possible. What is left gets killed when it is dropped.
    pub(crate) fn stop(&self) {
        for process in &self.processes {
            // One that has ended, or is frozen, needs no request.
            let _ = process.terminate();
        }
        eventually(STOPPED, || !self.processes.iter().any(Process::is_running));
    }

    fn wait(&self, address: SocketAddr) -> anyhow::Result<()> {
        let api = self.processes.first().context("there is an API")?;
        if eventually(READY, || !api.is_running() || is_ready(address)) && api.is_running() {
            return Ok(());
        }
        let state = if api.is_running() { "was not ready in time" } else { "ended" };
        bail!("the API {state}; the end of its log:\n{}", api.log_tail())
    }
}
