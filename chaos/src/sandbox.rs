//! One folder for all files of a stack, and the promise that nothing survives its owner.

use crate::account::Account;
use crate::error::Error;
use crate::error::{doing, with};
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// A temporary folder with a reaper: a small shell that outlives us by a moment.
///
/// The reaper knows every process that we started and reads from a pipe that only we hold. When it
/// closes, because the sandbox was dropped, the test process exited, or somebody killed it with
/// SIGKILL, the reaper kills what is left and removes the folder.
#[derive(Debug)]
pub struct Sandbox {
    folder: PathBuf,
    reaper: Child,
    pipe: Mutex<Option<ChildStdin>>,
}

impl Sandbox {
    /// An empty folder in the system's folder for temporary files.
    pub fn new() -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("tars-stack-")
            .tempdir()
            .map_err(doing("creating a temporary folder"))?
            .keep();
        // The servers' users must be able to pass through it, but not to list it.
        fs::set_permissions(&folder, Permissions::from_mode(0o711))
            .map_err(with("opening", &folder))?;
        let mut reaper = Command::new("/bin/sh")
            .args(["-c", include_str!("reaper.sh"), "tars-reaper"])
            .arg(&folder)
            .current_dir("/")
            // A group of its own, so that neither Ctrl-C nor a kill of our group takes it along.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(doing("starting the reaper"))?;
        let pipe = Mutex::new(reaper.stdin.take());
        Ok(Self {
            folder,
            reaper,
            pipe,
        })
    }

    /// Where everything is.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// A new folder for a server, which it alone can read.
    pub(crate) fn folder(&self, name: &str, account: Option<Account>) -> Result<PathBuf, Error> {
        let folder = self.folder.join(name);
        fs::create_dir(&folder).map_err(with("creating", &folder))?;
        fs::set_permissions(&folder, Permissions::from_mode(0o700))
            .map_err(with("closing", &folder))?;
        if let Some(account) = account {
            account.own(&folder)?;
        }
        Ok(folder)
    }

    /// From now on the process ends when we do. `started` tells it from a later process with the
    /// same id.
    pub(crate) fn watch(&self, pid: i32, started: u64) -> Result<(), Error> {
        self.tell(&format!("+ {pid} {started}\n"))
    }

    /// The process has been waited for: its id may belong to anybody now.
    pub(crate) fn forget(&self, pid: i32) -> Result<(), Error> {
        self.tell(&format!("- {pid} 0\n"))
    }

    fn tell(&self, line: &str) -> Result<(), Error> {
        let mut pipe = self.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        pipe.as_mut()
            .map_or(Ok(()), |pipe| pipe.write_all(line.as_bytes()))
            .map_err(doing("telling the reaper"))
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.pipe
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // It has a bounded number of steps left. There is nobody to report a failure to.
        let _ = self.reaper.wait();
    }
}
