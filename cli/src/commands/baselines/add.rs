//! `tars baselines add`: a baseline that was measured elsewhere, from options or from a file.

use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;
use tars_engine::policy_file::Algorithm;
use tars_engine::regression;
use tars_shared::baseline::Baseline;

use crate::client::Connection;
use crate::commands::evaluate::baseline_file::BaselineFile;
use crate::stdout;

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// The algorithm of the agent: DQN, A2C, PPO, SAC, …
    #[arg(long, value_name = "ALGORITHM")]
    agent: Algorithm,
    /// The environment
    #[arg(long = "env", value_name = "ID")]
    environment: String,
    #[command(flatten)]
    statistics: Option<Statistics>,
    /// Take the numbers from the output of `tars evaluate --json`, with every episode's return:
    /// jobs on the same seeds are then compared seed by seed
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "Statistics",
        conflicts_with = "Statistics"
    )]
    from_json: Option<PathBuf>,
    /// Print the service's JSON
    #[arg(long)]
    json: bool,
}

/// The numbers that a comparison needs at least.
#[derive(Debug, clap::Args)]
struct Statistics {
    /// Mean return
    #[arg(long, required = false, requires_all = ["std", "episodes"], allow_negative_numbers = true)]
    mean: f64,
    /// Population standard deviation of the returns, as NumPy computes it
    #[arg(long, required = false, requires = "mean")]
    std: f64,
    /// Share of successful episodes, from 0 to 1 [default: unknown, and not compared]
    #[arg(long, requires = "mean", value_name = "SHARE")]
    success_rate: Option<f64>,
    /// How many episodes these numbers are of
    #[arg(long, required = false, requires = "mean", value_name = "N")]
    episodes: u32,
}

#[derive(Serialize)]
struct Body {
    agent_type: Algorithm,
    environment: String,
    #[serde(flatten)]
    statistics: regression::Baseline,
}

impl Add {
    pub(super) async fn run(self, client: &Connection) -> anyhow::Result<ExitCode> {
        let statistics = match (self.statistics, &self.from_json) {
            (Some(stated), _) => stated.into(),
            (None, Some(file)) => {
                BaselineFile::read(file)?
                    .find(&self.environment, Some(self.agent))?
                    .statistics
            }
            (None, None) => {
                anyhow::bail!("give --mean, --std and --episodes, or --from-json")
            }
        };
        let baseline = Body {
            agent_type: self.agent,
            environment: self.environment,
            statistics,
        };
        let answer = client.create("/v1/baselines", &baseline).await?;
        if self.json {
            stdout::print(&answer.json())?;
        } else {
            let added: Baseline = answer.read()?;
            stdout::print(&super::added::added(&added, ""))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl From<Statistics> for regression::Baseline {
    fn from(stated: Statistics) -> Self {
        Self {
            mean_reward: stated.mean,
            std_reward: stated.std,
            success_rate: stated.success_rate,
            n: stated.episodes,
            returns: None,
        }
    }
}
