//! `tars baselines top`.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use tars_engine::policy_file::Algorithm;
use tars_shared::baseline::Baseline;
use tars_shared::clock::{Clock as _, System};

use super::table;
use crate::client::Connection;
use crate::stdout;

#[derive(Debug, clap::Args, Serialize)]
pub(super) struct Top {
    /// DQN, A2C, PPO, SAC, …
    #[arg(value_name = "ALGORITHM")]
    #[serde(skip)]
    agent: Algorithm,
    /// Only on this environment
    #[arg(long = "env", value_name = "ID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    /// How many ranks of each environment
    #[arg(short = 'n', default_value_t = 10, value_name = "N")]
    #[serde(rename = "top_n")]
    ranks: u32,
    /// Print the service's JSON, which holds every episode's return
    #[arg(long)]
    #[serde(skip)]
    json: bool,
}

#[derive(Deserialize)]
struct Best {
    items: Vec<Baseline>,
}

impl Top {
    pub(super) async fn run(self, client: &Connection) -> anyhow::Result<ExitCode> {
        let path = format!("/v1/baselines/{}", self.agent);
        let answer = client.get(&path, &self).await?;
        if self.json {
            stdout::print(&answer.json())?;
        } else {
            stdout::print(&table::text(
                client,
                &answer.read::<Best>()?.items,
                System.now(),
            ))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
