//! A private RabbitMQ.

mod broker;
mod epmd;
mod handshake;
mod home;

pub use broker::Broker;

use crate::error::with;
use crate::part::Part;
use crate::{Error, Sandbox};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A running `RabbitMQ`.
pub type RabbitMq = Part<Broker>;

/// How a `RabbitMQ` is set up.
#[derive(Clone, Copy, Debug)]
pub struct RabbitMqOptions {
    /// How many virtual hosts are made for tests. They are made while the broker boots, in a few
    /// milliseconds each; `rabbitmqctl` would need seconds for one.
    pub vhosts: u32,
    /// How long a consumer may hold a delivery until its channel is closed: half an hour, unless
    /// given. The broker looks about as often.
    pub consumer_timeout: Option<Duration>,
}

impl Default for RabbitMqOptions {
    fn default() -> Self {
        Self {
            vhosts: 32,
            consumer_timeout: None,
        }
    }
}

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

    /// Kills it, and starts it without queues and messages. Users and virtual hosts are as at
    /// first.
    pub fn restart_empty(&self) -> Result<(), Error> {
        self.kill()?;
        let data = self.server.data();
        fs::remove_dir_all(&data).map_err(with("emptying", &data))?;
        self.start()
    }
}
