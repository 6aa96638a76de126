//! Accounts, for who stands beside the database: no service needs to run, and nobody needs to log
//! in.

pub(super) mod password;
pub(super) mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use crate::connections::Connections;
use anyhow::{Context as _, bail};
use serde::Serialize;
use tars_shared::backends::Backends;
use tars_shared::clock::{Clock, System};
use tars_shared::services;
use tars_shared::store::backend::StoreBackend;
use tars_shared::store::{Error, Store};

use crate::{logging, stdout};

/// The data folder where no other is named.
pub(super) const DATA: &str = "tars-data";
/// Entries that are read at once.
pub(super) const PAGE: u32 = 200;
/// What follows every change that running processes must hear of.
pub(super) const SOON: &str = "API processes that run go by it within 5 seconds.";

/// The database that holds the accounts.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Database {
    #[command(flatten)]
    connections: Connections,
    /// Data folder of `tars dev`, where no database is named
    #[arg(long, env = "TARS_DATA", default_value = DATA, value_name = "DIR")]
    data: PathBuf,
}

/// The opened accounts, and the clock that goes with them.
pub(super) struct Accounts {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
}

impl Database {
    /// Opens it and runs a command on it.
    pub(super) fn run(
        &self,
        command: impl AsyncFnOnce(Accounts) -> anyhow::Result<ExitCode>,
    ) -> anyhow::Result<ExitCode> {
        let place = self
            .connections
            .embedded_in(&self.data)
            .map_err(anyhow::Error::msg)?
            .store;
        if let StoreBackend::Sqlite(file) = &place
            && !file.is_file()
        {
            bail!(
                "there is no database {}: `tars dev` makes one; name its folder with --data, or another database with \
                 DATABASE_URL",
                file.display()
            );
        }
        logging::start("error,sqlx=off");
        tokio::runtime::Runtime::new()
            .context("cannot start the async runtime")?
            .block_on(async {
                let (store, clock) = services::open_store_alone(&place, Arc::new(System)).await?;
                command(Accounts { store, clock }).await
            })
    }
}

/// What a command line needs to find the database `file` of this data folder: nothing for the
/// default.
pub(super) fn data_option(file: &Path, data: &Path) -> String {
    let embedded = matches!(Backends::embedded(data).store, StoreBackend::Sqlite(embedded) if embedded == file);
    if embedded && data != Path::new(DATA) {
        format!(" --data {}", data.display())
    } else {
        String::new()
    }
}

/// A whole listing, page after page. Each call gets the last entry before its page.
pub(super) async fn whole<T>(
    page: impl AsyncFn(Option<&T>) -> Result<Vec<T>, Error>,
) -> anyhow::Result<Vec<T>> {
    let mut all: Vec<T> = Vec::new();
    loop {
        let next = page(all.last()).await?;
        let is_last = next.len() < PAGE as usize;
        all.extend(next);
        if is_last {
            return Ok(all);
        }
    }
}

/// All entries as JSON.
pub(super) fn print_json<T: Serialize>(items: &[T]) -> anyhow::Result<ExitCode> {
    stdout::print(&format!("{}\n", serde_json::json!({ "items": items })))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints what a command did.
pub(super) fn say(text: &str) -> anyhow::Result<ExitCode> {
    stdout::print(&format!("{text}\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints a fresh secret alone on standard output, so that a script can take it, and what there is
/// to say beside it.
pub(super) fn hand_over(secret: &str, remark: &str) -> anyhow::Result<ExitCode> {
    eprintln!("{remark} It is shown this once and never again:");
    stdout::print(&format!("{secret}\n"))?;
    Ok(ExitCode::SUCCESS)
}
