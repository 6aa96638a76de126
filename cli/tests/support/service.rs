//! A real `tars dev` on a free port, ended when it goes out of scope, also by a panic.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// A running `tars dev`.
pub(crate) struct Service {
    child: Child,
    url: String,
    /// Held open: a service whose output nobody takes would stop at its next line.
    _stdout: BufReader<ChildStdout>,
}

impl Service {
    /// Starts it on this data folder and waits for the address that it prints.
    pub(crate) fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tars"))
            .args(["dev", "--port", "0", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("tars starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut welcome = String::new();
        stdout.read_line(&mut welcome).expect("it prints where it listens");
        let url = welcome.split([' ', ',']).find(|word| word.starts_with("http://"));
        let url = url.unwrap_or_else(|| panic!("no address in {welcome:?}")).to_owned();
        Self { child, url, _stdout: stdout }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs until now");
        self.child.wait().expect("it was started here");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have been killed already; either way nothing of it is left.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
