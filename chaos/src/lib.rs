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
mod secret;
mod stack;
pub mod workload;

pub use client::{Client, Conservation, has_ended};
pub use deadline::eventually;
pub use endpoints::Endpoints;
pub use error::Error;
pub use fleet::Fleet;
pub use ledger::{Entry, Fate, Ledger};
pub use part::{Part, Proof, Server};
pub use postgres::Postgres;
pub use postgres::cluster::Cluster;
pub use postgres::options::PostgresOptions;
pub use postgres::psql::Database;
pub use process::Process;
pub use process::program::Program;
pub use proxy::Proxy;
pub use rabbitmq::RabbitMq;
pub use rabbitmq::broker::Broker;
pub use rabbitmq::options::RabbitMqOptions;
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
