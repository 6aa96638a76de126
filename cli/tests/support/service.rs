//! A real `tars dev` on a free port, ended when it goes out of scope, also by a panic.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running `tars dev`.
pub struct Service {
    child: Child,
    url: String,
}

impl Service {
    /// Starts it on this data folder and waits for the address that it prints.
    pub fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tars"))
            .args(["dev", "--port", "0", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let welcome = BufReader::new(stdout)
            .lines()
            .next()
            .expect("it prints where it listens")
            .unwrap();
        let url = welcome.split([' ', ',']).find(|word| word.starts_with("http://"));
        Self {
            url: url.unwrap_or_else(|| panic!("no address in {welcome:?}")).to_owned(),
            child,
        }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have been killed already; either way nothing of it is left.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
