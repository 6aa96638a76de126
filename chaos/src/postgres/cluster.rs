//! A data folder of Postgres and the server on it.

use super::options::PostgresOptions;
use super::psql;
use crate::account::Account;
use crate::binary;
use crate::error::Error;
use crate::error::{doing, with};
use crate::part::{Part, Proof, Server};
use crate::process::program::Program;
use crate::sandbox::Sandbox;
use crate::secret::secret;
use rustix::process::Signal;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

const USER: &str = "tars";
const PACKAGE: &str = "postgresql";
/// Creating a data folder takes one second on an idle machine.
const PREPARED: Duration = Duration::from_mins(1);

/// Where a Postgres keeps its data, its password, and how it is set up.
#[derive(Debug)]
pub struct Cluster {
    name: &'static str,
    /// The folder above the data: the server replaces the data folder itself.
    folder: PathBuf,
    account: Option<Account>,
    password: String,
    options: PostgresOptions,
}

impl Cluster {
    pub(super) fn create(
        name: &'static str,
        sandbox: &Sandbox,
        options: &PostgresOptions,
    ) -> Result<Self, Error> {
        let account = Account::of_server("postgres")?;
        let folder = sandbox.folder(name, account)?;
        Ok(Self {
            name,
            folder,
            account,
            password: secret(),
            options: options.clone(),
        })
    }

    /// A replica has the users of its primary.
    pub(super) fn like(self, primary: &Self) -> Self {
        Self {
            password: primary.password.clone(),
            ..self
        }
    }

    pub(super) fn url(&self, port: u16, database: &str) -> String {
        format!(
            "postgres://{USER}:{}@127.0.0.1:{port}/{database}",
            self.password
        )
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Removes the data of a server that is down.
    pub(super) fn empty(&self) -> Result<(), Error> {
        // A killed server leaves a System V segment, and only its lock file knows which one (line
        // 7: key and id).
        let lock = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        if let Some(segment) = lock
            .lines()
            .nth(6)
            .and_then(|line| line.split_whitespace().nth(1))
        {
            let status = Command::new("ipcrm").args(["-m", segment]).status();
            status.map_err(doing("starting ipcrm"))?;
        }
        fs::remove_dir_all(self.data()).map_err(with("emptying", &self.data()))
    }

    /// Makes an empty data folder.
    pub(super) fn initialise(&self, sandbox: &Arc<Sandbox>) -> Result<(), Error> {
        let password = self.folder.join("password");
        fs::write(&password, &self.password).map_err(with("writing", &password))?;
        if let Some(account) = self.account {
            account.own(&password)?;
        }
        self.tool("initdb")?
            .args([
                "--no-sync",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--username",
                USER,
            ])
            .arg("--pwfile")
            .arg(password)
            .arg("--pgdata")
            .arg(self.data())
            .run(sandbox, PREPARED)
    }

    /// Copies a running primary's data, together with where to follow it.
    pub(super) fn copy_from(&self, primary: &Part<Self>) -> Result<(), Error> {
        let slot = format!("{}_{}", self.name, &secret()[..8]);
        self.tool("pg_basebackup")?
            .args([
                "--no-sync",
                "--checkpoint=fast",
                "--wal-method=stream",
                "--write-recovery-conf",
            ])
            .args([
                "--create-slot",
                "--slot",
                &slot,
                "--host=127.0.0.1",
                "--username",
                USER,
            ])
            .args(["--port", &primary.port().to_string()])
            .arg("--pgdata")
            .arg(self.data())
            .env("PGPASSWORD", &primary.server.password)
            .run(&primary.sandbox, PREPARED)
    }

    fn tool(&self, program: &str) -> Result<Program, Error> {
        let name = format!("{}-{program}", self.name);
        Ok(Program::server(
            &name,
            binary::find(program, PACKAGE)?,
            self.account,
        ))
    }
}

impl Server for Cluster {
    fn name(&self) -> &'static str {
        self.name
    }

    fn program(&self, port: u16) -> Result<Program, Error> {
        let own = [
            ("listen_addresses", "127.0.0.1".to_owned()),
            ("port", port.to_string()),
            // Another server's socket file may have the same name; TCP is what the service uses
            // anyway.
            ("unix_socket_directories", String::new()),
            (
                "fsync",
                if self.options.fsync { "on" } else { "off" }.to_owned(),
            ),
            // Files in the data folder instead of /dev/shm, where a killed server would leave them
            // behind.
            ("dynamic_shared_memory_type", "mmap".to_owned()),
            ("shared_buffers", "32MB".to_owned()),
            // The name under which a replica shows up in pg_stat_replication and
            // synchronous_standby_names.
            ("cluster_name", self.name.to_owned()),
        ];
        let given = self
            .options
            .settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()));
        let program = Program::server(self.name, binary::find("postgres", PACKAGE)?, self.account);
        let program = program.arg("-D").arg(self.data());
        Ok(own
            .into_iter()
            .chain(given)
            .fold(program, |program, (name, value)| {
                program.arg("-c").arg(format!("{name}={value}"))
            }))
    }

    /// It tells its data folder, and nobody else uses ours.
    fn prove(&self, port: u16, _pid: u32) -> Proof {
        match psql::query(&self.url(port, "postgres"), "show data_directory") {
            Ok(folder) if self.data().as_os_str() == folder.as_str() => Proof::Given,
            Ok(folder) => Proof::Foreign(format!("its data is in {folder}")),
            Err(error) if error.to_string().contains("authentication failed") => {
                Proof::Foreign(error.to_string())
            }
            Err(error) => Proof::NotYet(error.to_string()),
        }
    }

    /// Fast shutdown: it does not wait for its clients to leave, unlike with SIGTERM.
    fn stop_signal(&self) -> Signal {
        Signal::INT
    }
}
