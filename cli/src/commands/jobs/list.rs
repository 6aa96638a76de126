//! `tars jobs list`.

use std::process::ExitCode;

use serde::Serialize;
use tars_engine::policy_file::Algorithm;
use tars_shared::clock::{Clock as _, System};
use tars_shared::job::Status;

use super::table;
use crate::client::Connection;
use crate::stdout;

/// Which jobs, and how many
#[derive(Debug, clap::Args, Serialize)]
pub(super) struct List {
    /// Only jobs that are queued, running, completed, failed or cancelled
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    /// Only jobs of this algorithm
    #[arg(long = "agent", value_name = "ALGORITHM")]
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_type: Option<Algorithm>,
    /// Only jobs on this environment
    #[arg(long = "env", value_name = "ID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    /// Only jobs with this label
    #[arg(long, value_name = "NAME=VALUE", value_parser = label)]
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// How many
    #[arg(long, default_value = "20", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    #[serde(skip)]
    limit: u32,
    /// All of them
    #[arg(long, conflicts_with = "limit")]
    #[serde(skip)]
    all: bool,
    /// Print the service's JSON
    #[arg(long)]
    #[serde(skip)]
    json: bool,
}

/// A label as `tars submit` takes it, as the service looks for it.
pub(in crate::commands) fn label(text: &str) -> Result<String, &'static str> {
    let pair = text.split_once('=').or_else(|| text.split_once(':'));
    pair.map(|(name, value)| format!("{name}:{value}"))
        .ok_or("it must be NAME=VALUE")
}

impl List {
    pub(super) async fn run(self, client: &Connection) -> anyhow::Result<ExitCode> {
        let limit = (!self.all).then_some(self.limit as usize);
        let found = tars_client::pages(client, "/v1/jobs", &self, limit).await?;
        if self.json {
            stdout::print(&found.json())?;
            return Ok(ExitCode::SUCCESS);
        }
        let jobs = found.read()?;
        let text = if jobs.is_empty() {
            self.nothing(client)
        } else {
            let more = if found.has_more() {
                "There are more: --limit N or --all shows them.\n"
            } else {
                ""
            };
            table::text(&jobs, System.now()) + more
        };
        stdout::print(&text)?;
        Ok(ExitCode::SUCCESS)
    }

    fn nothing(&self, client: &Connection) -> String {
        let server = client.server().option();
        if self.is_filtered() {
            format!("No job fits all of these filters. All jobs: tars jobs list{server}\n")
        } else {
            format!(
                "There are no jobs yet. Submit one: tars submit POLICY --agent PPO --env CartPole-v1{server}\n"
            )
        }
    }

    fn is_filtered(&self) -> bool {
        self.status.is_some()
            || self.agent_type.is_some()
            || self.environment.is_some()
            || self.label.is_some()
    }
}
