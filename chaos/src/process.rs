//! A child process that can be killed, frozen and thawed with all its descendants.

pub(crate) mod program;
mod tree;

use crate::deadline::eventually;
use crate::error::Error;
use crate::error::doing;
use crate::sandbox::Sandbox;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How much of a log an error shows.
const TAIL_LINES: usize = 25;

/// A running program in a process group of its own. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    log: PathBuf,
    pid: Pid,
    child: Mutex<Child>,
    sandbox: Arc<Sandbox>,
}

impl Process {
    /// What it is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id, for people. It may be somebody else's once the process has ended.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Where its standard output and standard error go.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// All that it has said.
    pub fn log_text(&self) -> String {
        fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The last lines that it has said.
    pub fn log_tail(&self) -> String {
        let text = self.log_text();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    /// How it ended, or `None` while it runs.
    pub fn status(&self) -> Result<Option<ExitStatus>, Error> {
        self.poll(&mut self.child())
    }

    /// Whether it runs. A frozen process runs.
    pub fn is_running(&self) -> bool {
        matches!(self.status(), Ok(None))
    }

    /// SIGKILL to it and all its descendants; returns when they are gone. Nothing happens if it has
    /// ended before.
    pub fn kill(&self) -> Result<(), Error> {
        let mut child = self.child();
        if self.poll(&mut child)?.is_some() {
            return Ok(());
        }
        let members = tree::kill(self.pid);
        // Where there is no /proc, the group is all there is to go by. Until we wait for the child,
        // its id stays its own.
        let _ = kill_process_group(self.pid, Signal::KILL);
        child
            .wait()
            .map_err(doing(format!("waiting for {}", self.name)))?;
        self.sandbox.forget(self.pid.as_raw_nonzero().get())?;
        if tree::are_gone(&members) {
            Ok(())
        } else {
            Err(self.late("the end of its descendants", Duration::ZERO))
        }
    }

    /// SIGSTOP to it and all its descendants; returns when they stand still. Their connections stay
    /// open.
    pub fn freeze(&self) -> Result<(), Error> {
        let _child = self.running()?;
        tree::stop(self.pid);
        Ok(())
    }

    /// SIGCONT to all that were frozen.
    pub fn thaw(&self) -> Result<(), Error> {
        let _child = self.running()?;
        tree::resume(self.pid);
        Ok(())
    }

    /// SIGTERM to it alone: the request to end in order.
    pub fn terminate(&self) -> Result<(), Error> {
        self.signal(Signal::TERM)
    }

    /// A signal to it alone.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Error> {
        let _child = self.running()?;
        kill_process(self.pid, signal)
            .map_err(|error| doing(format!("signalling {}", self.name))(error.into()))
    }

    /// Waits until it has ended by itself.
    pub fn wait(&self, limit: Duration) -> Result<ExitStatus, Error> {
        let mut status = Ok(None);
        eventually(limit, || {
            status = self.status();
            !matches!(status, Ok(None))
        });
        status?.ok_or_else(|| self.late("its end", limit))
    }

    pub(crate) fn late(&self, awaited: impl Into<String>, limit: Duration) -> Error {
        Error::Late {
            name: self.name.clone(),
            awaited: awaited.into(),
            limit,
            log: self.log_tail(),
        }
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holding the guard keeps others from waiting for the child, so that its id stays its own.
    fn running(&self) -> Result<MutexGuard<'_, Child>, Error> {
        let mut child = self.child();
        match self.poll(&mut child)? {
            None => Ok(child),
            Some(_) => Err(Error::NotRunning {
                name: self.name.clone(),
            }),
        }
    }

    fn poll(&self, child: &mut Child) -> Result<Option<ExitStatus>, Error> {
        let status = child
            .try_wait()
            .map_err(doing(format!("waiting for {}", self.name)))?;
        if status.is_some() {
            self.sandbox.forget(self.pid.as_raw_nonzero().get())?;
        }
        Ok(status)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The folder is about to go; this is the last chance to see why a test failed.
            eprintln!(
                "--- the end of the log of {}\n{}",
                self.name,
                self.log_tail()
            );
        }
        // What this cannot kill, the reaper will try to.
        let _ = self.kill();
    }
}
