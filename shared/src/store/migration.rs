//! Bringing a schema up and down, wherever it is.

use std::sync::Arc;
use std::time::Duration;

use super::backend::StoreBackend;
use super::error::Error;
use super::postgres::{Postgres, Settings};
use super::sqlite::Sqlite;
use super::versions::Versions;
use crate::clock::System;
use crate::metrics::Metrics;

/// How long a database may take to answer at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The versions, without changing anything.
pub async fn versions(backend: &StoreBackend) -> Result<Versions, Error> {
    match backend {
        StoreBackend::Sqlite(path) => Sqlite::schema(path).await,
        StoreBackend::Postgres(settings) => open(settings).await?.schema().await,
    }
}

/// Brings the schema to the newest version, or up or down to `target`. Gives the versions of
/// before.
pub async fn migrate(backend: &StoreBackend, target: Option<i64>) -> Result<Versions, Error> {
    let before = versions(backend).await?;
    match backend {
        StoreBackend::Sqlite(path) => Sqlite::migrate(path, target).await?,
        StoreBackend::Postgres(settings) => open(settings).await?.migrate(target).await?,
    }
    Ok(before)
}

async fn open(settings: &Settings) -> Result<Postgres, Error> {
    let postgres = Postgres::open(settings, Arc::new(System), &Arc::new(Metrics::new()))
        .map_err(Error::Unavailable)?;
    postgres.ready(CONNECT_TIMEOUT).await?;
    Ok(postgres)
}
