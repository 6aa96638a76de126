//! Servers for suites that need a URL and break nothing.

use crate::error::Error;
use crate::postgres::options::PostgresOptions;
use crate::postgres::psql::Database;
use crate::stack::{Parts, Stack};
use std::env;
use std::sync::{Mutex, PoisonError};

/// The servers that the tests of this process share. Each is started when the first test asks for
/// it, and ends with the process.
///
/// Where the environment names a server, that one is used instead: `TARS_TEST_DATABASE_URL`,
/// `TARS_TEST_QUEUE_URL`, `TARS_TEST_CACHE_URL`. Tests that kill, freeze or empty something take a
/// [`Stack`] of their own.
#[derive(Debug)]
pub struct Endpoints {
    database: Mutex<Option<Stack>>,
    queue: Mutex<Option<Stack>>,
    cache: Mutex<Option<Stack>>,
}

impl Endpoints {
    /// Those of this process.
    pub fn for_suites() -> &'static Self {
        // What is static is never dropped; the sandboxes' reapers end it all when the process ends.
        static SHARED: Endpoints = Endpoints {
            database: Mutex::new(None),
            queue: Mutex::new(None),
            cache: Mutex::new(None),
        };
        &SHARED
    }

    /// An empty Postgres database of its own. On a given server it is named `tars_test_…` and stays
    /// there.
    pub fn database(&self) -> Result<Database, Error> {
        if let Some(url) = given("TARS_TEST_DATABASE_URL") {
            return Database::create_at(&url);
        }
        let quick = PostgresOptions {
            fsync: false,
            ..PostgresOptions::default()
        };
        let parts = Parts {
            postgres: Some(quick),
            ..Parts::default()
        };
        with(&self.database, &parts, |stack| stack.postgres().database())
    }

    /// An empty virtual host of a `RabbitMQ`. A given server's URL is handed out as it is: AMQP
    /// cannot make virtual hosts, so such suites must name their queues uniquely.
    pub fn queue(&self) -> Result<String, Error> {
        match given("TARS_TEST_QUEUE_URL") {
            Some(url) => Ok(url),
            None => with(&self.queue, &Parts::default().with_rabbitmq(), |stack| {
                stack.rabbitmq().vhost()
            }),
        }
    }

    /// An empty database of a Redis. A given server's URL is handed out as it is: it usually has 16
    /// databases, too few for all tests, so such suites must name their keys uniquely.
    pub fn cache(&self) -> Result<String, Error> {
        match given("TARS_TEST_CACHE_URL") {
            Some(url) => Ok(url),
            None => with(&self.cache, &Parts::default().with_redis(), |stack| {
                stack.redis().database()
            }),
        }
    }
}

fn given(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|url| !url.is_empty())
}

/// Starts the stack for whoever comes first; the others wait.
fn with<T>(
    shared: &Mutex<Option<Stack>>,
    parts: &Parts,
    act: impl FnOnce(&Stack) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let stack = match shared.take() {
        Some(stack) => stack,
        None => Stack::start(parts)?,
    };
    act(shared.insert(stack))
}
