//! A real `tars dev` on a free port, ended when it goes out of scope, also by a panic.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// A running `tars dev`.
pub(crate) struct Service {
    child: Child,
    /// All that it printed before it served.
    pub(crate) welcome: String,
    /// Held open: a service whose output nobody takes would stop at its next line.
    stdout: BufReader<ChildStdout>,
}

impl Service {
    /// Starts it on this data folder and waits for its welcome.
    pub(crate) fn start(data: &Path) -> Self {
        Self::launch(data, |command| command.stderr(Stdio::null()))
    }

    /// The same, set up in another way.
    pub(crate) fn launch(data: &Path, set_up: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tars"));
        command
            .args(["dev", "--port", "0", "--data"])
            .arg(data)
            .stdout(Stdio::piped());
        let mut child = set_up(&mut command).spawn().expect("tars starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut welcome = String::new();
        while !welcome.ends_with("Ctrl-C stops.\n") {
            let read = stdout.read_line(&mut welcome).expect("it prints text");
            assert!(read > 0, "it ended before it served: {welcome}");
        }
        Self {
            child,
            welcome,
            stdout,
        }
    }

    /// The token that the first start on a folder prints, and no later one.
    pub(crate) fn token(&self) -> Option<&str> {
        self.welcome
            .lines()
            .find_map(|line| line.trim().strip_prefix("export TARS_TOKEN="))
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        let address = self
            .welcome
            .split([' ', ','])
            .find(|word| word.starts_with("http://"));
        address.unwrap_or_else(|| panic!("no address in {}", self.welcome))
    }

    /// `kill -9`. Gives what it printed after its welcome.
    pub(crate) fn kill(&mut self) -> String {
        self.child.kill().expect("it runs until now");
        self.child.wait().expect("it was started here");
        let mut rest = String::new();
        self.stdout
            .read_to_string(&mut rest)
            .expect("it prints text");
        rest
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have been killed already; either way nothing of it is left.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
