//! A RabbitMQ node with everything of its own: name, cookie, ports, folders, user.

use super::epmd::Epmd;
use super::handshake::{greeting, names_cluster};
use super::home;
use super::options::RabbitMqOptions;
use crate::account::Account;
use crate::binary;
use crate::error::Error;
use crate::error::with;
use crate::part::{Part, Proof, Server};
use crate::port;
use crate::process::program::Program;
use crate::sandbox::Sandbox;
use crate::secret::secret;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// Its control program is an Erlang of its own, which has to boot.
const CONTROL_TIMEOUT: Duration = Duration::from_secs(30);

const USER: &str = "tars";

/// A small footprint, and nothing that listens to other machines.
const ERLANG: &str =
    "+S 2:2 +SDcpu 1:1 +SDio 4 -kernel inet_dist_use_interface {127,0,0,1} -start_epmd false";

/// Where a `RabbitMQ` keeps its data, its name and its password.
#[derive(Debug)]
pub struct Broker {
    program: PathBuf,
    /// Where its scripts are, if not where they were found.
    scripts: Option<PathBuf>,
    folder: PathBuf,
    account: Option<Account>,
    /// Of the node and of the cluster.
    name: String,
    password: String,
    epmd: Part<Epmd>,
    pub(super) options: RabbitMqOptions,
    pub(super) next_vhost: AtomicU32,
}

impl Broker {
    pub(super) fn create(sandbox: &Arc<Sandbox>, options: RabbitMqOptions) -> Result<Self, Error> {
        let account = Account::of_server("rabbitmq")?;
        let program = binary::find("rabbitmq-server", "rabbitmq-server")?;
        let folder = sandbox.folder("rabbitmq", account)?;
        let broker = Self {
            scripts: home::lean(&program, &folder)?,
            program,
            folder,
            account,
            name: format!("tars-{}", secret()),
            password: secret(),
            epmd: Part::launch(Epmd::find()?, sandbox)?,
            options,
            next_vhost: AtomicU32::new(0),
        };
        broker.write("definitions.json", &broker.definitions())?;
        broker.write("enabled_plugins", "[].\n")?;
        // In the place of the machine's own files in /etc/rabbitmq.
        broker.write("rabbitmq-env.conf", "")?;
        broker.write("advanced.config", &broker.advanced_config())?;
        Ok(broker)
    }

    pub(super) fn url(&self, port: u16, vhost: &str) -> String {
        format!("amqp://{USER}:{}@127.0.0.1:{port}/{vhost}", self.password)
    }

    pub(super) fn vhost(number: u32) -> String {
        format!("test-{number}")
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn definitions(&self) -> String {
        let vhosts: Vec<String> = ["/".to_owned()]
            .into_iter()
            .chain((0..self.options.vhosts).map(Self::vhost))
            .collect();
        let list = |item: &dyn Fn(&String) -> String| {
            vhosts.iter().map(item).collect::<Vec<_>>().join(",")
        };
        format!(
            r#"{{"users":[{{"name":"{USER}","password":"{}","tags":"administrator"}}],"vhosts":[{}],"permissions":[{}]}}"#,
            self.password,
            list(&|vhost| format!(r#"{{"name":"{vhost}"}}"#)),
            list(&|vhost| {
                format!(
                    r#"{{"user":"{USER}","vhost":"{vhost}","configure":".*","write":".*","read":".*"}}"#
                )
            })
        )
    }

    /// What cannot be said in `rabbitmq.conf`: how often channels look whether a consumer took too
    /// long.
    fn advanced_config(&self) -> String {
        let limit = self.options.consumer_timeout.map(|limit| limit.as_millis());
        let set = limit.map(|limit| {
            format!("{{rabbit,[{{consumer_timeout,{limit}}},{{channel_tick_interval,{limit}}}]}}")
        });
        format!("[{}].\n", set.unwrap_or_default())
    }

    fn config(&self, port: u16) -> String {
        let definitions = self.folder.join("definitions.json");
        format!(
            "listeners.tcp.1 = 127.0.0.1:{port}\ncluster_name = {}\nload_definitions = {}\n\
             vm_memory_high_watermark.absolute = 1GB\ndisk_free_limit.absolute = 1MB\n",
            self.name,
            definitions.display()
        )
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, Error> {
        let path = self.folder.join(name);
        fs::write(&path, text).map_err(with("writing", &path))?;
        if let Some(account) = self.account {
            account.own(&path)?;
        }
        Ok(path)
    }

    /// Asks the running node for the value of an Erlang expression.
    pub(super) fn evaluate(
        &self,
        sandbox: &Arc<Sandbox>,
        expression: &str,
    ) -> Result<String, Error> {
        let program = binary::find("rabbitmqctl", "rabbitmq-server")?;
        let program = match &self.scripts {
            Some(folder) => folder.join("rabbitmqctl"),
            None => program,
        };
        let program = Program::server("rabbitmqctl", program, self.account)
            .args(["--quiet", "--node", &format!("{}@localhost", self.name)])
            .args(["eval", expression])
            .env("HOME", &self.folder)
            .env("ERL_EPMD_PORT", self.epmd.port().to_string())
            .env(
                "RABBITMQ_CONF_ENV_FILE",
                self.folder.join("rabbitmq-env.conf"),
            );
        program.output(sandbox, CONTROL_TIMEOUT)
    }

    fn program(&self, config: &Path) -> Program {
        let folder = |name: &str| self.folder.join(name);
        let program = Program::server("rabbitmq", self.program.clone(), self.account);
        let scripts = self
            .scripts
            .iter()
            .map(|folder| ("RABBITMQ_SCRIPTS_DIR", folder));
        let plugins = self
            .scripts
            .iter()
            .map(|folder| ("RABBITMQ_PLUGINS_DIR", folder.with_file_name("plugins")));
        program
            .envs(scripts)
            .envs(plugins)
            // Where Erlang looks for its cookie, and makes one if there is none.
            .env("HOME", &self.folder)
            // The script then becomes the broker instead of waiting for it, so that signals reach
            // it.
            .env("RUNNING_UNDER_SYSTEMD", "true")
            .env("ERL_EPMD_PORT", self.epmd.port().to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODENAME", format!("{}@localhost", self.name))
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", ERLANG)
            .env("RABBITMQ_MNESIA_BASE", self.data())
            .env("RABBITMQ_LOG_BASE", folder("log"))
            .env("ERL_CRASH_DUMP", folder("erl_crash.dump"))
            // To standard output, which goes where all logs go.
            .env("RABBITMQ_LOGS", "-")
            .env("RABBITMQ_CONFIG_FILE", config)
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", folder("advanced.config"))
            .env("RABBITMQ_CONF_ENV_FILE", folder("rabbitmq-env.conf"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder("enabled_plugins"))
            .env("RABBITMQ_GENERATED_CONFIG_DIR", folder("generated"))
            .env("RABBITMQ_PID_FILE", folder("pid"))
    }
}

impl Server for Broker {
    fn name(&self) -> &'static str {
        "rabbitmq"
    }

    fn program(&self, port: u16) -> Result<Program, Error> {
        let config = self.write("rabbitmq.conf", &self.config(port))?;
        // Nobody but the node itself knows this port, so that it need not be the same after a
        // restart.
        let distribution = port::free()?.to_string();
        Ok(Self::program(self, &config)
            .env("RABBITMQ_NODE_PORT", port.to_string())
            .env("RABBITMQ_DIST_PORT", distribution))
    }

    /// It greets with the name of its cluster.
    fn prove(&self, port: u16, _pid: u32) -> Proof {
        match greeting(port) {
            Ok(greeting) if names_cluster(&greeting, &self.name) => Proof::Given,
            Ok(_) => Proof::Foreign("it greets with another cluster's name".to_owned()),
            Err(error) => Proof::NotYet(error.to_string()),
        }
    }
}
