//! How a `RabbitMQ` is set up.

use std::time::Duration;

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
