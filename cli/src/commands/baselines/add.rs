//! `tars baselines add`: a baseline that was measured elsewhere, from options or from a file.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use tars_engine::episode::Episode;
use tars_engine::metrics::Metrics;
use tars_engine::policy_file::Algorithm;
use tars_engine::regression;
use tars_shared::baseline::{Baseline, NewBaseline};

use crate::client::{self, Client, read_bounded};

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// The algorithm of the agent
    #[arg(long, value_name = "ALGORITHM")]
    agent: Algorithm,
    /// The environment [default: the file's]
    #[arg(long = "env", value_name = "ID", required_unless_present = "from_json")]
    environment: Option<String>,
    /// Mean return
    #[arg(long, allow_negative_numbers = true, required_unless_present = "from_json")]
    mean: Option<f64>,
    /// Population standard deviation of the returns, as NumPy's default
    #[arg(long, required_unless_present = "from_json")]
    std: Option<f64>,
    /// Share of successful episodes, from 0 to 1
    #[arg(long, value_name = "SHARE", required_unless_present = "from_json")]
    success_rate: Option<f64>,
    /// How many episodes that is from
    #[arg(long, value_name = "N", required_unless_present = "from_json")]
    episodes: Option<u32>,
    /// Take the numbers from what `tars evaluate --json` printed: with every return, so that later jobs are compared
    /// episode by episode
    #[arg(long, value_name = "FILE", conflicts_with_all = ["mean", "std", "success_rate", "episodes"])]
    from_json: Option<PathBuf>,
    /// Print the service's JSON
    #[arg(long)]
    json: bool,
}

/// A measured environment: the output of `tars evaluate --json`, an entry of a job's `results`, or a bare baseline.
#[derive(Deserialize)]
struct Measured {
    environment: Option<String>,
    #[serde(flatten)]
    statistics: Statistics,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Statistics {
    Evaluation { metrics: Metrics, episodes: Vec<Episode> },
    Baseline(regression::Baseline),
}

impl Add {
    pub(super) async fn run(self, client: &Client) -> anyhow::Result<ExitCode> {
        let (environment, statistics) = match &self.from_json {
            Some(file) => {
                let measured = read(file, self.environment.as_deref())?;
                (measured.environment, measured.statistics.into())
            }
            None => (None, self.stated()?),
        };
        let Some(environment) = self.environment.or(environment) else {
            bail!("the file names no environment: name it with --env");
        };
        let baseline = NewBaseline {
            agent_type: self.agent,
            environment,
            statistics,
            hyperparameters: std::collections::BTreeMap::new(),
            source_job: None,
        };
        let answer = client.create("/v1/baselines", &baseline).await?;
        if self.json {
            client::print(&answer.json())?;
        } else {
            let added: Baseline = answer.read()?;
            let content = &added.content;
            client::print(&format!(
                "{} on {}: baseline version {} has rank {}\n",
                content.agent_type, content.environment, added.version, added.rank
            ))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn stated(&self) -> anyhow::Result<regression::Baseline> {
        let (Some(mean_reward), Some(std_reward)) = (self.mean, self.std) else {
            bail!("give --mean and --std, or --from-json");
        };
        let (Some(success_rate), Some(n)) = (self.success_rate, self.episodes) else {
            bail!("give --success-rate and --episodes, or --from-json");
        };
        Ok(regression::Baseline {
            mean_reward,
            std_reward,
            success_rate,
            n,
            returns: None,
        })
    }
}

impl From<Statistics> for regression::Baseline {
    fn from(statistics: Statistics) -> Self {
        match statistics {
            Statistics::Evaluation { metrics, episodes } => Self::of(&metrics, &episodes),
            Statistics::Baseline(baseline) => baseline,
        }
    }
}

/// The only evaluation in a file of one JSON object after the other, or the one on this environment.
fn read(file: &Path, environment: Option<&str>) -> anyhow::Result<Measured> {
    let bytes = read_bounded(file)?;
    let mut found = Vec::new();
    for measured in serde_json::Deserializer::from_slice(&bytes).into_iter::<Measured>() {
        let measured = measured.with_context(|| format!("{} holds no evaluation", file.display()))?;
        let fits = measured.environment.as_deref().zip(environment).is_none_or(|(its, wanted)| its == wanted);
        found.extend(fits.then_some(measured));
    }
    let number = found.len();
    match (found.pop(), number) {
        (Some(measured), 1) => Ok(measured),
        (None, _) => bail!("{} holds no such evaluation", file.display()),
        (Some(_), _) => bail!("{} holds {number} evaluations: choose one with --env", file.display()),
    }
}
