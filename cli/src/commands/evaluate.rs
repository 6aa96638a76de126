//! `tars evaluate`: evaluates a policy file in this process and compares it with a baseline.

mod agent;
pub(super) mod baseline_file;
mod json;
mod reference;
mod returns;
mod rolling;
mod text;

use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use tars_engine::catalogue;
use tars_engine::policy::Activation;
use tars_engine::policy_file::{Algorithm, Format, Given};
use tars_engine::regression::{self, Candidate, Regression, Sequential, Stopping, Verdict};
use tars_engine::rollout::Plan;
use tars_shared::request::Stop;

use crate::environment_id;
use crate::policy_options::PolicyOptions;
use crate::stdout;

use self::agent::Agent;
use self::baseline_file::BaselineFile;
use self::reference::Reference;
use self::returns::Which;
use self::rolling::Rolled;

/// Evaluate a policy file here, without a service, and compare it with a baseline
///
/// POLICY is a Stable-Baselines3 .zip (`agent` means agent.zip), a file of torch.save, a
/// .safetensors of a state dict, or our small JSON. Nothing in it is executed; what it says about
/// itself is read, and what it does not say is asked for, never guessed. Episode i is reset with SEED + i, exactly as
/// `env.reset(seed=…)` does in Gymnasium, so the same command gives the same bytes on any machine
/// and with any number of threads.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Evaluate {
    /// The policy file
    #[arg(value_name = "POLICY")]
    policy: PathBuf,
    /// Environment to evaluate in, as Gymnasium names it; repeat it for several
    #[arg(long = "env", value_name = "ID", required = true, value_parser = environment_id::parser())]
    environments: Vec<String>,
    /// Episodes in each environment
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    episodes: u32,
    /// Episode i is reset with SEED + i
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    seed: u64,
    /// Sample actions from the policy instead of taking its best ones
    #[arg(long)]
    stochastic: bool,
    /// Refuse a policy that another algorithm trained: DQN, A2C, PPO, SAC, …
    #[arg(long, value_name = "ALGORITHM")]
    agent: Option<Algorithm>,
    /// How POLICY is written: sb3-zip, torch, safetensors or mlp-json [default: told from its bytes]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Statistics of SB3's `VecNormalize` that POLICY was trained under
    #[arg(long, value_name = "FILE.pkl")]
    vec_normalize: Option<PathBuf>,
    #[command(flatten)]
    options: PolicyOptions,
    /// Compare with a baseline: the output of `tars evaluate --json` or of GET /v1/baselines, or
    /// SB3's evaluations.npz or monitor.csv
    ///
    /// Of several entries for an environment (and the algorithm, where --agent names it) the one
    /// with the highest mean counts. Where it keeps the returns of the same seeds, episodes are
    /// compared seed by seed.
    #[arg(long, value_name = "FILE", conflicts_with = "against")]
    baseline: Option<PathBuf>,
    /// Which evaluation of an evaluations.npz: best, last, or the one after so many steps
    #[arg(
        long,
        value_name = "best|last|STEP",
        requires = "baseline",
        default_value = "best"
    )]
    baseline_evaluation: Which,
    /// Compare with a published mean return
    #[arg(
        long,
        value_name = "MEAN",
        allow_negative_numbers = true,
        requires_all = ["baseline_std", "baseline_n"],
        conflicts_with_all = ["baseline", "against"]
    )]
    baseline_mean: Option<f64>,
    /// Its standard deviation over episodes
    #[arg(long, value_name = "STD", requires = "baseline_mean")]
    baseline_std: Option<f64>,
    /// The number of episodes that it is of
    #[arg(long, value_name = "N", requires = "baseline_mean")]
    baseline_n: Option<u32>,
    /// Compare with another policy, which is evaluated on the same seeds
    #[arg(long, value_name = "POLICY")]
    against: Option<PathBuf>,
    /// Statistics of SB3's `VecNormalize` that the policy of --against was trained under
    #[arg(long, value_name = "FILE.pkl", requires = "against")]
    against_vec_normalize: Option<PathBuf>,
    /// The function between the layers of the policy of --against, where it does not say it
    #[arg(long, value_name = "NAME", requires = "against")]
    against_activation: Option<Activation>,
    /// `when_decided`: end an environment as soon as its verdict is safe, in the order of the seeds and
    /// in one thread
    ///
    /// It needs the returns of the baseline's episodes: a baseline file that keeps them, or --against.
    #[arg(
        long,
        value_name = "never|when_decided",
        default_value_t,
        conflicts_with = "baseline_mean"
    )]
    stop: Stop,
    /// Print one JSON array with an object per environment
    #[arg(long)]
    json: bool,
    /// Threads that share the episodes; the result does not depend on it [default: the number of
    /// cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    #[command(flatten)]
    checks: tars_worker::config::Checks,
}

const EXAMPLES: &str = "\
Exit codes:
  0  every environment passes, or there is nothing to compare with
  1  the agent regressed in at least one environment
  2  bad input
  3  inconclusive: too little evidence either way

Examples:
  tars evaluate agent.zip --env CartPole-v1
  tars evaluate agent.zip --env CartPole-v1 --json > baseline.json
  tars evaluate new.zip --env CartPole-v1 --baseline baseline.json
  tars evaluate new.zip --env Pendulum-v1 --vec-normalize new.pkl --against old.zip --against-vec-normalize old.pkl";

impl Evaluate {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let thresholds = self.checks.thresholds().map_err(anyhow::Error::msg)?;
        if let Some(twice) = repeated(&self.environments) {
            bail!("--env {twice} is given twice");
        }
        let agent = Agent::read(
            &self.policy,
            self.format,
            self.options.options().given(self.agent),
            self.vec_normalize.as_deref(),
        )?;
        agent.warn();
        agent.check_fit(&self.environments, self.stochastic)?;
        let references = self.references()?;
        if self.stop == Stop::WhenDecided && references.is_none() {
            bail!(
                "--stop when_decided needs something to compare with: give --baseline or --against"
            );
        }
        let plan = self.plan();

        let roll = |(index, id): (usize, &String)| {
            let stopping = self.stopping(id);
            let reference = references.as_ref().map(|references| &references[index]);
            let rule = stopping.zip(reference).and_then(|(stopping, reference)| {
                Sequential::new(&reference.statistics, &[], stopping, &thresholds).ok()
            });
            agent.roll(id, &plan, rule.as_ref())
        };
        let rolled: Vec<Rolled> = self
            .environments
            .iter()
            .enumerate()
            .map(roll)
            .collect::<anyhow::Result<_>>()?;
        let judged = match &references {
            None => Vec::new(),
            Some(references) => {
                let candidates: Vec<_> = rolled
                    .iter()
                    .zip(references)
                    .map(|(rolled, reference)| Candidate {
                        environment: &rolled.environment,
                        episodes: &rolled.episodes,
                        metrics: &rolled.metrics,
                        baseline: &reference.statistics,
                        losses: &[],
                        stopping: self.stopping(&rolled.environment),
                    })
                    .collect();
                regression::judge(&candidates, &thresholds)
            }
        };
        let text = if self.json {
            json::write(&agent, rolled, references, &judged)?
        } else {
            self.text(&agent, &rolled, references.as_deref(), &judged)?
        };
        stdout::print(&text)?;
        Ok(exit_code(&judged))
    }

    fn plan(&self) -> Plan {
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        Plan {
            threads: self.threads.map_or_else(cores, usize::from),
            ..Plan::new(self.seed, self.episodes, !self.stochastic)
        }
    }

    /// How an environment might end early, if that was asked for.
    fn stopping(&self, environment: &str) -> Option<Stopping> {
        (self.stop == Stop::WhenDecided).then(|| Stopping {
            seed: self.seed,
            episodes: self.episodes,
            environments: u32::try_from(self.environments.len()).unwrap_or(u32::MAX),
            bounds: catalogue::return_bounds(environment),
        })
    }

    /// What each environment is compared with, in order.
    fn references(&self) -> anyhow::Result<Option<Vec<Reference>>> {
        if let (Some(mean), Some(std), Some(n)) =
            (self.baseline_mean, self.baseline_std, self.baseline_n)
        {
            return published(mean, std, n, self.environments.len()).map(Some);
        }
        if let Some(path) = &self.baseline {
            let file = BaselineFile::read_evaluation(path, self.baseline_evaluation)?;
            let find = |id: &String| file.find(id, self.agent);
            return self
                .environments
                .iter()
                .map(find)
                .collect::<anyhow::Result<_>>()
                .map(Some);
        }
        let Some(path) = &self.against else {
            return Ok(None);
        };
        // The other policy has an activation of its own; bounds are the same environment's.
        let given = Given {
            activation: self.against_activation,
            ..self.options.options().given(None)
        };
        let other = Agent::read(path, None, given, self.against_vec_normalize.as_deref())?;
        other.warn();
        other.check_fit(&self.environments, self.stochastic)?;
        let plan = self.plan();
        let roll = |id: &String| {
            let rolled = other.roll(id, &plan, None)?;
            Ok(Reference {
                statistics: regression::Baseline::of(&rolled.metrics, &rolled.episodes),
                id: None,
                source: path.display().to_string(),
            })
        };
        self.environments
            .iter()
            .map(roll)
            .collect::<anyhow::Result<_>>()
            .map(Some)
    }
}

/// The same published numbers for each environment, of which there can be only one.
fn published(mean: f64, std: f64, n: u32, environments: usize) -> anyhow::Result<Vec<Reference>> {
    if environments > 1 {
        bail!("--baseline-mean is of one environment: give one --env");
    }
    let statistics = regression::Baseline {
        mean_reward: mean,
        std_reward: std,
        success_rate: None,
        n,
        returns: None,
    };
    statistics.check()?;
    Ok(vec![Reference {
        statistics,
        id: None,
        source: format!("{mean} ± {std} of {n} episodes, as given"),
    }])
}

fn repeated(names: &[String]) -> Option<&String> {
    let mut backends = names.iter().enumerate();
    backends.find_map(|(place, name)| names[..place].contains(name).then_some(name))
}

fn exit_code(judged: &[Regression]) -> ExitCode {
    let any = |verdict| {
        judged
            .iter()
            .any(|regression| regression.verdict == verdict)
    };
    if any(Verdict::Regression) {
        ExitCode::from(1)
    } else if any(Verdict::Inconclusive) {
        ExitCode::from(3)
    } else {
        ExitCode::SUCCESS
    }
}
