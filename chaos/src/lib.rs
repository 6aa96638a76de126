//! Starts a real private stack – Postgres, `RabbitMQ`, Redis and the service itself – and breaks
//! it.
#![warn(missing_docs)]

mod account;
pub mod binary;
mod client;
mod deadline;
mod endpoints;
mod error;
mod fleet;
mod ledger;
mod part;
mod port;
mod postgres;
mod process;
mod proxy;
mod rabbitmq;
mod readiness;
mod redis;
mod sandbox;
mod stack;
pub mod workload;

pub use client::{Client, Conservation, has_ended};
pub use deadline::eventually;
pub use endpoints::Endpoints;
pub use error::Error;
pub use fleet::Fleet;
pub use ledger::{Entry, Fate, Ledger};
pub use part::{Part, Proof, Server};
pub use postgres::{Cluster, Database, Postgres, PostgresOptions};
pub use process::{Process, Program};
pub use proxy::Proxy;
pub use rabbitmq::{Broker, RabbitMq, RabbitMqOptions};
pub use redis::{Redis, RedisOptions, RedisServer};
pub use sandbox::Sandbox;
pub use stack::{Parts, Stack};

use std::io::Write as _;

/// Prints what a scenario measured: past the test harness, which keeps what passing tests print to
/// itself.
pub fn report(measured: impl std::fmt::Display) {
    // A closed terminal is no reason to fail.
    let _ = writeln!(std::io::stderr(), "    measured: {measured}");
}

/// A password that nobody can guess, of letters and digits only, so that it needs no escaping
/// anywhere.
fn secret() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
