//! A private RabbitMQ.

pub(crate) mod broker;
mod epmd;
mod handshake;
mod home;
pub(crate) mod options;

use self::broker::Broker;
use self::options::RabbitMqOptions;
use crate::error::Error;
use crate::error::with;
use crate::part::Part;
use crate::sandbox::Sandbox;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A running `RabbitMQ`.
pub type RabbitMq = Part<Broker>;

impl RabbitMq {
    /// Starts an empty `RabbitMQ` in the sandbox.
    pub fn launch_in(sandbox: &Arc<Sandbox>, options: RabbitMqOptions) -> Result<Self, Error> {
        Self::launch(Broker::create(sandbox, options)?, sandbox)
    }

    /// The URL of the default virtual host.
    pub fn url(&self) -> String {
        self.server.url(self.port(), "%2f")
    }

    /// The URL of an empty virtual host that nobody else was given.
    pub fn vhost(&self) -> Result<String, Error> {
        let number = self.server.next_vhost.fetch_add(1, Ordering::Relaxed);
        if number >= self.server.options.vhosts {
            return Err(Error::Exhausted {
                what: "RabbitMQ virtual host",
            });
        }
        Ok(self.server.url(self.port(), &Broker::vhost(number)))
    }

    /// How many messages it has received, delivered and so on since its start: its own names and
    /// counts, over all protocols and kinds of queues, as Erlang writes them.
    pub fn counters(&self) -> Result<String, Error> {
        self.server
            .evaluate(&self.sandbox, "rabbit_global_counters:overview().")
    }

    /// Kills it, and starts it without queues and messages. Users and virtual hosts are as at
    /// first.
    pub fn restart_empty(&self) -> Result<(), Error> {
        self.kill()?;
        let data = self.server.data();
        fs::remove_dir_all(&data).map_err(with("emptying", &data))?;
        self.start()
    }
}
