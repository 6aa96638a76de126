//! A private Redis.

mod protocol;

use crate::binary;
use crate::error::Error;
use crate::part::{Part, Proof, Server};
use crate::process::program::Program;
use crate::sandbox::Sandbox;
use crate::secret::secret;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::with;
use protocol::Connection;

/// One for each test, and cheap: an empty one costs nothing.
const DATABASES: u32 = 1024;

/// A running Redis.
pub type Redis = Part<RedisServer>;

/// How a Redis is set up.
#[derive(Clone, Copy, Debug, Default)]
pub struct RedisOptions {
    /// Keep the data across restarts, in an append-only file that is synced at each write. Off by
    /// default: a restart is empty.
    pub append_only: bool,
}

/// Where a Redis keeps its data, and its password.
#[derive(Debug)]
pub struct RedisServer {
    program: PathBuf,
    folder: PathBuf,
    config: PathBuf,
    password: String,
    next_database: AtomicU32,
}

impl Redis {
    /// Starts a Redis in the sandbox.
    pub fn launch_in(sandbox: &Arc<Sandbox>, options: RedisOptions) -> Result<Self, Error> {
        let program = binary::find("redis-server", "redis-server")?;
        let folder = sandbox.folder("redis", None)?;
        let data = folder.join("data");
        fs::create_dir(&data).map_err(with("creating", &data))?;
        let config = folder.join("redis.conf");
        let password = secret();
        let append_only = if options.append_only { "yes" } else { "no" };
        // The password is in a file, because arguments can be read by every user of the machine.
        let text = format!(
            "bind 127.0.0.1\ndir {}\nrequirepass {password}\ndatabases {DATABASES}\nsave \"\"\nappendonly {append_only}\n\
             appendfsync always\ndaemonize no\n",
            data.display()
        );
        fs::write(&config, text).map_err(with("writing", &config))?;
        Self::launch(
            RedisServer {
                program,
                folder: data,
                config,
                password,
                next_database: AtomicU32::new(1),
            },
            sandbox,
        )
    }

    /// The URL of database 0.
    pub fn url(&self) -> String {
        self.url_of(0)
    }

    /// The URL of a database that nobody else was given.
    pub fn database(&self) -> Result<String, Error> {
        let number = self.server.next_database.fetch_add(1, Ordering::Relaxed);
        if number < DATABASES {
            Ok(self.url_of(number))
        } else {
            Err(Error::Exhausted {
                what: "Redis database",
            })
        }
    }

    /// Kills it, and starts it without any of its data.
    pub fn restart_empty(&self) -> Result<(), Error> {
        self.kill()?;
        let data = &self.server.folder;
        fs::remove_dir_all(data).map_err(with("emptying", data))?;
        fs::create_dir(data).map_err(with("creating", data))?;
        self.start()
    }

    /// Sends one command to database 0 and returns its answer: a bulk string's content, else the
    /// line.
    pub fn command(&self, words: &[&str]) -> Result<String, Error> {
        let answer = Connection::open(self.port(), &self.server.password)
            .and_then(|mut redis| redis.ask(words));
        answer.map_err(crate::error::doing(format!(
            "asking {}",
            self.server.name()
        )))
    }

    fn url_of(&self, database: u32) -> String {
        format!(
            "redis://:{}@127.0.0.1:{}/{database}",
            self.server.password,
            self.port()
        )
    }
}

impl Server for RedisServer {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn program(&self, port: u16) -> Result<Program, Error> {
        let program = Program::server(self.name(), self.program.clone(), None);
        Ok(program
            .arg(&self.config)
            .args(["--port", &port.to_string()]))
    }

    /// It tells its process id, which it does while it still loads its data: then it answers
    /// nothing else.
    fn prove(&self, port: u16, pid: u32) -> Proof {
        let mut redis = match Connection::open(port, &self.password) {
            Ok(redis) => redis,
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                return Proof::Foreign(error.to_string());
            }
            Err(error) => return Proof::NotYet(error.to_string()),
        };
        let info = match redis.ask(&["INFO", "server"]) {
            Ok(info) => info,
            Err(error) => return Proof::NotYet(error.to_string()),
        };
        match info
            .lines()
            .find_map(|line| line.strip_prefix("process_id:"))
        {
            Some(id) if id.trim() == pid.to_string() => match redis.ask(&["PING"]) {
                Ok(_) => Proof::Given,
                Err(error) => Proof::NotYet(error.to_string()),
            },
            other => Proof::Foreign(format!("its process id is {other:?}, not {pid}")),
        }
    }
}
