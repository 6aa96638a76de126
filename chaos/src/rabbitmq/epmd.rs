//! Erlang's name server. A broker starts one as a daemon if it finds none, which would outlive the
//! stack; so it finds this one.

use crate::binary;
use crate::error::Error;
use crate::part::{Proof, Server};
use crate::process::program::Program;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Epmd(PathBuf);

impl Epmd {
    pub(super) fn find() -> Result<Self, Error> {
        Ok(Self(binary::find("epmd", "erlang-base")?))
    }
}

impl Server for Epmd {
    fn name(&self) -> &'static str {
        "epmd"
    }

    fn program(&self, port: u16) -> Result<Program, Error> {
        let program = Program::server(self.name(), self.0.clone(), None);
        Ok(program.args(["-address", "127.0.0.1", "-port", &port.to_string()]))
    }

    /// It has nothing to be told by. If the port is taken it ends at once, and the broker's proof
    /// does not depend on it.
    fn prove(&self, port: u16, _pid: u32) -> Proof {
        match TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), TIMEOUT) {
            Ok(_) => Proof::Given,
            Err(error) => Proof::NotYet(error.to_string()),
        }
    }
}
