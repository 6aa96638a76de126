//! `tars workers list`.

use std::process::ExitCode;

use serde::Serialize;
use tars_shared::clock::{Clock as _, System};

use super::table;
use crate::client::Connection;
use crate::stdout;

#[derive(Debug, clap::Args, Serialize)]
pub(super) struct List {
    /// Those that have gone in the last day, too
    #[arg(long)]
    gone: bool,
    /// Print the service's JSON
    #[arg(long)]
    #[serde(skip)]
    json: bool,
}

impl List {
    pub(super) async fn run(self, client: &Connection) -> anyhow::Result<ExitCode> {
        let found = tars_client::pages(client, "/v1/workers", &self, None).await?;
        if self.json {
            stdout::print(&found.json())?;
            return Ok(ExitCode::SUCCESS);
        }
        let workers = found.read()?;
        stdout::print(&if workers.is_empty() {
            "No worker is running. Start one: tars worker\n".to_owned()
        } else {
            table::text(&workers, System.now())
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
