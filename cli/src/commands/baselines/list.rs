//! `tars baselines list`.

use std::process::ExitCode;

use serde::Serialize;
use tars_engine::policy_file::Algorithm;
use tars_shared::clock::{Clock as _, System};

use super::table;
use crate::client::Connection;
use crate::stdout;

#[derive(Debug, clap::Args, Serialize)]
pub(super) struct List {
    /// Only baselines of this algorithm
    #[arg(long = "agent", value_name = "ALGORITHM")]
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_type: Option<Algorithm>,
    /// Only baselines on this environment
    #[arg(long = "env", value_name = "ID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    /// Print the service's JSON
    #[arg(long)]
    #[serde(skip)]
    json: bool,
}

impl List {
    pub(super) async fn run(self, client: &Connection) -> anyhow::Result<ExitCode> {
        let found = tars_client::pages(client, "/v1/baselines", &self, None).await?;
        if self.json {
            stdout::print(&found.json())?;
        } else {
            stdout::print(&table::text(client, &found.read()?, System.now()))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
