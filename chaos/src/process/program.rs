//! A program that is about to be started.

use super::{Process, tree};
use crate::account::Account;
use crate::binary;
use crate::error::Error;
use crate::error::{doing, with};
use crate::sandbox::Sandbox;
use rustix::process::Pid;
use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The shell waits for a line before it becomes the program. Should we be killed before the reaper
/// knows of it, the line never comes, the shell ends, and nothing is left behind.
const GATE: &str = r#"read -r go && exec "$@" </dev/null"#;

/// A program with its arguments and environment. Its name also names its log file.
#[derive(Clone, Debug)]
pub struct Program {
    name: String,
    path: PathBuf,
    args: Vec<OsString>,
    envs: Vec<(OsString, OsString)>,
    inherits: bool,
    account: Option<Account>,
}

impl Program {
    /// A program that inherits our environment, as `tars` does.
    pub fn new(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            path: path.into(),
            args: vec![],
            envs: vec![],
            inherits: true,
            account: None,
        }
    }

    /// A server, which gets no variable that it was not given: a stray `PGDATA` or
    /// `RABBITMQ_NODENAME` would lead it astray.
    pub(crate) fn server(name: &str, path: PathBuf, account: Option<Account>) -> Self {
        let program = Self {
            inherits: false,
            account,
            ..Self::new(name, path)
        };
        program
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LANG", "C.UTF-8")
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.envs
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets environment variables.
    #[must_use]
    pub fn envs(
        self,
        envs: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
    ) -> Self {
        envs.into_iter()
            .fold(self, |program, (name, value)| program.env(name, value))
    }

    /// Starts it. It ends with the sandbox at the latest.
    pub fn start(&self, sandbox: &Arc<Sandbox>) -> Result<Process, Error> {
        self.start_into(sandbox, None)
    }

    /// `stdout` takes what it prints instead of the log.
    fn start_into(&self, sandbox: &Arc<Sandbox>, stdout: Option<&File>) -> Result<Process, Error> {
        let log = sandbox.path().join(format!("{}.log", self.name));
        let output = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(with("opening", &log))?;
        let starting = || format!("starting {}", self.name);
        let mut child = self
            .command(stdout.unwrap_or(&output), &output)?
            .spawn()
            .map_err(doing(starting()))?;
        let mut gate = child.stdin.take();
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| doing(starting())(io::Error::other("it has no process id")))?;
        let started = tree::Member::now(pid).map_or(0, tree::Member::started);
        let process = Process {
            name: self.name.clone(),
            log,
            pid,
            child: Mutex::new(child),
            sandbox: sandbox.clone(),
        };
        sandbox.watch(pid.as_raw_nonzero().get(), started)?;
        gate.as_mut()
            .map_or(Ok(()), |gate| gate.write_all(b"go\n"))
            .map_err(doing(starting()))?;
        Ok(process)
    }

    /// Runs it to its end, which must be a success.
    pub fn run(&self, sandbox: &Arc<Sandbox>, limit: Duration) -> Result<(), Error> {
        self.finish(&self.start(sandbox)?, limit)
    }

    /// Runs it to its end, which must be a success; gives what it printed, which no log and no file
    /// keeps.
    pub fn output(&self, sandbox: &Arc<Sandbox>, limit: Duration) -> Result<String, Error> {
        let reading = || doing(format!("reading what {} printed", self.name));
        let mut stdout = tempfile::tempfile().map_err(reading())?;
        self.finish(&self.start_into(sandbox, Some(&stdout))?, limit)?;
        let mut text = String::new();
        stdout
            .rewind()
            .and_then(|()| stdout.read_to_string(&mut text))
            .map_err(reading())?;
        Ok(text)
    }

    fn finish(&self, process: &Process, limit: Duration) -> Result<(), Error> {
        let status = process.wait(limit)?;
        if status.success() {
            return Ok(());
        }
        Err(Error::Failed {
            name: self.name.clone(),
            status,
            output: process.log_tail(),
        })
    }

    fn command(&self, stdout: &File, stderr: &File) -> Result<Command, Error> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", GATE, "sh"]);
        if let Some(account) = self.account {
            // It becomes the server instead of waiting for it, so that the child's id is the
            // server's.
            command.arg(binary::find("setpriv", "util-linux")?);
            command.args([
                "--reuid",
                &account.user.to_string(),
                "--regid",
                &account.group.to_string(),
            ]);
            command.args(["--clear-groups", "--"]);
        }
        command.arg(&self.path).args(&self.args);
        if !self.inherits {
            // Nor may it lean on the folder that the test happens to run in, which its user may not
            // even be allowed to read.
            command.env_clear().current_dir("/");
        }
        command.envs(self.envs.iter().map(|(name, value)| (name, value)));
        command.process_group(0).stdin(Stdio::piped());
        let clone = |file: &File| file.try_clone().map_err(doing("sharing a log file"));
        command.stdout(clone(stdout)?).stderr(clone(stderr)?);
        Ok(command)
    }
}
