//! The processes of T.A.R.S. on a stack.

use crate::client::Client;
use crate::deadline::eventually;
use crate::error::Error;
use crate::port;
use crate::process::Process;
use crate::readiness::is_ready;
use crate::stack::Stack;
use std::net::SocketAddr;
use std::time::Duration;

/// Scenarios ask for health and metrics as often as they can, all from one address.
const UNLIMITED_PROBES: [(&str, &str); 2] =
    [("EVAL_RATE_PUBLIC", "off"), ("EVAL_RATE_PROBES", "off")];

const MIGRATE_TIMEOUT: Duration = Duration::from_mins(1);
const READY_TIMEOUT: Duration = Duration::from_mins(1);

/// A running service: an API, and as many workers as are started.
#[derive(Debug)]
pub struct Fleet {
    /// The API; none after [`kill_api`](Self::kill_api).
    api: Option<Process>,
    port: u16,
    /// The secret of a service token that may do everything.
    token: String,
    /// What the API gets beside what the stack says.
    variables: Vec<(&'static str, &'static str)>,
    stack: Stack,
}

impl Fleet {
    /// Migrates the database and starts an API on a free port. Returns when it is ready.
    pub fn start(stack: Stack) -> Result<Self, Error> {
        Self::start_on(stack, port::free()?)
    }

    /// The same with the API on this port.
    pub fn start_on(stack: Stack, port: u16) -> Result<Self, Error> {
        Self::launch(stack, port, UNLIMITED_PROBES.to_vec())
    }

    /// The same with these variables for the API.
    pub fn start_with(
        stack: Stack,
        variables: &[(&'static str, &'static str)],
    ) -> Result<Self, Error> {
        let variables = [&UNLIMITED_PROBES, variables].concat();
        Self::launch(stack, port::free()?, variables)
    }

    /// The same with every limit as it is by default, unless our own environment says otherwise.
    pub fn start_as_deployed(stack: Stack) -> Result<Self, Error> {
        Self::launch(stack, port::free()?, Vec::new())
    }

    fn launch(
        stack: Stack,
        port: u16,
        variables: Vec<(&'static str, &'static str)>,
    ) -> Result<Self, Error> {
        stack
            .tars("migrate")?
            .arg("migrate")
            .run(stack.sandbox(), MIGRATE_TIMEOUT)?;
        let token = make_token(&stack, "chaos")?;
        let mut fleet = Self {
            api: None,
            port,
            token,
            variables,
            stack,
        };
        fleet.start_api()?;
        Ok(fleet)
    }

    /// What it runs on.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The API, unless it was killed.
    pub fn api(&self) -> Option<&Process> {
        self.api.as_ref()
    }

    /// Starts the API, on the same port as before.
    pub fn start_api(&mut self) -> Result<(), Error> {
        let program = self
            .stack
            .tars("api")?
            .args(["api", "--port", &self.port.to_string()]);
        let program = program.envs(self.variables.iter().copied());
        let api = program.start(self.stack.sandbox())?;
        if !eventually(READY_TIMEOUT, || {
            !api.is_running() || is_ready(self.address())
        }) || !api.is_running()
        {
            return Err(api.late("readiness", READY_TIMEOUT));
        }
        self.api = Some(api);
        Ok(())
    }

    /// Kills the API.
    pub fn kill_api(&mut self) -> Result<(), Error> {
        self.api.take().map_or(Ok(()), |api| api.kill())
    }

    /// A worker with so many slots and additional variables. Returns when it takes jobs: one that
    /// starts while its parts are being killed may rightly refuse to.
    pub fn worker(
        &self,
        name: &str,
        slots: u32,
        variables: &[(&str, &str)],
    ) -> Result<Process, Error> {
        let slots = slots.to_string();
        let program = self
            .stack
            .tars(name)?
            .args(["worker", "--concurrency", &slots]);
        let worker = program
            .envs(variables.iter().copied())
            .start(self.stack.sandbox())?;
        // One that was made to die at once may be gone before anybody looks.
        if eventually(READY_TIMEOUT, || {
            !worker.is_running() || worker.log_text().contains("takes jobs")
        }) {
            return Ok(worker);
        }
        Err(worker.late("taking jobs", READY_TIMEOUT))
    }

    /// A client with a ledger of its own.
    pub fn client(&self) -> Client {
        Client::of(&format!("http://{}", self.address()), &self.token)
    }

    /// A client with a ledger and a service token of its own: another submitter.
    pub fn submitter(&self, name: &str) -> Result<Client, Error> {
        let token = make_token(&self.stack, name)?;
        Ok(Client::of(&format!("http://{}", self.address()), &token))
    }

    /// The service token that its clients show.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Where the API listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }
}

/// The secret of a new service token that may do everything.
fn make_token(stack: &Stack, name: &str) -> Result<String, Error> {
    let token = [
        "token",
        "create",
        name,
        "--role",
        "admin",
        "--requests-per-minute",
        "1000000",
    ];
    let token = stack
        .tars("token")?
        .args(token)
        .output(stack.sandbox(), MIGRATE_TIMEOUT)?;
    Ok(token.trim().to_owned())
}
