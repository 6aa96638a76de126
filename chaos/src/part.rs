//! What all servers of a stack have in common: they start, prove who they are, and break.

#[cfg(test)]
mod tests;

use crate::deadline::eventually;
use crate::error::Error;
use crate::port;
use crate::process::Process;
use crate::process::program::Program;
use crate::sandbox::Sandbox;
use rustix::process::Signal;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often a first start is tried, each time on another port.
const ATTEMPTS: usize = 3;
/// `RabbitMQ` needs about five seconds on an idle machine; test machines are not idle.
const READY_TIMEOUT: Duration = Duration::from_mins(1);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// Whether the server that we started is the one that answers.
#[derive(Debug)]
pub enum Proof {
    /// It is.
    Given,
    /// Nothing answers yet, for this reason.
    NotYet(String),
    /// Somebody else answers, as this shows.
    Foreign(String),
}

/// What is special about one kind of server.
pub trait Server: Debug + Send + Sync {
    /// What it is called in messages and in the folder.
    fn name(&self) -> &str;
    /// How it is started on this port of 127.0.0.1.
    fn program(&self, port: u16) -> Result<Program, Error>;
    /// Asks the server at this port whether it is the one with this process id or secret.
    fn prove(&self, port: u16, pid: u32) -> Proof;
    /// The signal that ends it in order.
    fn stop_signal(&self) -> Signal {
        Signal::TERM
    }
}

/// A server of the stack. All methods block, most of them for milliseconds, a start for up to
/// seconds.
#[derive(Debug)]
pub struct Part<S: Server> {
    pub(crate) server: S,
    pub(crate) sandbox: Arc<Sandbox>,
    port: u16,
    process: Mutex<Option<Process>>,
}

impl<S: Server> Part<S> {
    /// Starts a server on a free port. That port may be taken by somebody else in between; then on
    /// another one.
    pub(crate) fn launch(server: S, sandbox: &Arc<Sandbox>) -> Result<Self, Error> {
        let mut attempt = 1;
        loop {
            let port = port::free()?;
            match start(&server, port, sandbox) {
                Ok(process) => {
                    let process = Mutex::new(Some(process));
                    return Ok(Self {
                        server,
                        sandbox: sandbox.clone(),
                        port,
                        process,
                    });
                }
                Err(error) if attempt < ATTEMPTS && error.may_be_a_taken_port() => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Starts it again after [`kill`](Self::kill) or [`stop`](Self::stop): on the same port, with
    /// the same data.
    pub fn start(&self) -> Result<(), Error> {
        let mut process = self.process();
        if process.as_ref().is_some_and(Process::is_running) {
            return Err(Error::Running {
                name: self.server.name().to_owned(),
            });
        }
        *process = Some(start(&self.server, self.port, &self.sandbox)?);
        Ok(())
    }

    /// SIGKILL to all its processes; returns when they are gone. Nothing happens if it is down.
    pub fn kill(&self) -> Result<(), Error> {
        self.process()
            .take()
            .map_or(Ok(()), |process| process.kill())
    }

    /// Ends it in order; returns when it has ended. Nothing happens if it is down.
    pub fn stop(&self) -> Result<(), Error> {
        let Some(process) = self.process().take() else {
            return Ok(());
        };
        if process.is_running() {
            process.thaw()?;
            process.signal(self.server.stop_signal())?;
            process.wait(STOP_TIMEOUT)?;
        }
        Ok(())
    }

    /// SIGSTOP to all its processes: connections stay open, new ones are accepted by the kernel,
    /// nothing answers.
    pub fn freeze(&self) -> Result<(), Error> {
        self.with_process(Process::freeze)
    }

    /// Lets all its processes go on.
    pub fn thaw(&self) -> Result<(), Error> {
        self.with_process(Process::thaw)
    }

    /// Whether it runs. A frozen server runs.
    pub fn is_running(&self) -> bool {
        self.process().as_ref().is_some_and(Process::is_running)
    }

    /// The id of its first process.
    pub fn pid(&self) -> Result<u32, Error> {
        self.with_process(|process| Ok(process.pid()))
    }

    /// Where its log is.
    pub fn log(&self) -> PathBuf {
        self.sandbox
            .path()
            .join(format!("{}.log", self.server.name()))
    }

    /// Its port of 127.0.0.1, which stays the same.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it listens, as `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn late(&self, awaited: impl Into<String>, limit: Duration) -> Error {
        let (name, awaited) = (self.server.name().to_owned(), awaited.into());
        let log = self
            .process()
            .as_ref()
            .map(Process::log_tail)
            .unwrap_or_default();
        Error::Late {
            name,
            awaited,
            limit,
            log,
        }
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_process<T>(&self, act: impl FnOnce(&Process) -> Result<T, Error>) -> Result<T, Error> {
        let process = self.process();
        process.as_ref().map_or_else(
            || {
                Err(Error::NotRunning {
                    name: self.server.name().to_owned(),
                })
            },
            act,
        )
    }
}

/// Starts the server and returns when it has proved that it is ours.
fn start(server: &impl Server, port: u16, sandbox: &Arc<Sandbox>) -> Result<Process, Error> {
    let name = || server.name().to_owned();
    let process = server.program(port)?.start(sandbox)?;
    let mut outcome = None;
    let mut seen = String::new();
    eventually(READY_TIMEOUT, || {
        outcome = match (process.status(), server.prove(port, process.pid())) {
            (Err(error), _) => Some(Err(error)),
            (Ok(Some(status)), _) => Some(Err(Error::Ended {
                name: name(),
                status,
                log: process.log_tail(),
            })),
            (_, Proof::Foreign(why)) => Some(Err(Error::Foreign { name: name(), why })),
            (_, Proof::Given) => Some(Ok(())),
            (_, Proof::NotYet(why)) => {
                seen = why;
                None
            }
        };
        outcome.is_some()
    });
    outcome.unwrap_or_else(|| Err(process.late(format!("readiness ({seen})"), READY_TIMEOUT)))?;
    Ok(process)
}
