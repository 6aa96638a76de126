//! Baselines from the logs of Stable-Baselines3.

use std::path::Path;
use std::str::FromStr;

use anyhow::{Context as _, anyhow, bail};
use tars_engine::returns_file::{self, Evaluation, Evaluations, Monitor};

use super::reference::Reference;

/// Training goes on while a monitor writes: what counts is how good the agent was in the end. SB3
/// averages over as many episodes in its own logs.
const LAST_EPISODES: usize = 100;

/// Which evaluation of an `evaluations.npz` is the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// The one with the greatest mean: that of `best_model.zip`.
    Best,
    /// The one at the end of training.
    Last,
    /// The one after so many steps.
    At(u64),
}

impl FromStr for Which {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "best" => Ok(Self::Best),
            "last" => Ok(Self::Last),
            step => step
                .parse()
                .map(Self::At)
                .map_err(|_| "give best, last or a timestep"),
        }
    }
}

/// Returns of episodes, where the bytes are of a file that holds them.
pub(super) enum Log {
    Evaluations(Evaluations),
    Monitor(Monitor),
}

impl Log {
    /// Reads `evaluations.npz` or `monitor.csv`; `None` for anything else.
    pub(super) fn read(path: &Path, bytes: &[u8]) -> anyhow::Result<Option<Self>> {
        let name = || path.display().to_string();
        if bytes.starts_with(b"PK") {
            let read = Evaluations::read(bytes).with_context(name)?;
            return Ok(Some(Self::Evaluations(read)));
        }
        if Monitor::is_one(bytes) {
            return Ok(Some(Self::Monitor(
                Monitor::read(bytes).with_context(name)?,
            )));
        }
        Ok(None)
    }

    /// The baseline of an environment.
    pub(super) fn reference(
        &self,
        name: &str,
        environment: &str,
        which: Which,
    ) -> anyhow::Result<Reference> {
        let (statistics, aside) = match self {
            Self::Evaluations(evaluations) => {
                let chosen = choose(evaluations, which)
                    .ok_or_else(|| anyhow!("{name}: {}", no_evaluation(evaluations, which)))?;
                let aside = format!(
                    "evaluation at step {}, {} of {}",
                    chosen.timestep,
                    match which {
                        Which::Best => "the best",
                        Which::Last => "the last",
                        Which::At(_) => "one",
                    },
                    evaluations.count()
                );
                (returns_file::baseline(&chosen.returns), aside)
            }
            Self::Monitor(monitor) => {
                if let Some(other) = monitor
                    .environment
                    .as_deref()
                    .filter(|id| *id != environment)
                {
                    bail!("{name} is of {other}, not of {environment}");
                }
                let returns = &monitor.returns;
                let last = &returns[returns.len().saturating_sub(LAST_EPISODES)..];
                let aside = format!("the last {} of {} episodes", last.len(), returns.len());
                (returns_file::baseline(last), aside)
            }
        };
        statistics.check().with_context(|| name.to_owned())?;
        Ok(Reference {
            statistics,
            id: None,
            source: format!("{name}, {aside}"),
        })
    }
}

fn choose(evaluations: &Evaluations, which: Which) -> Option<&Evaluation> {
    match which {
        Which::Best => evaluations.best(),
        Which::Last => evaluations.last(),
        Which::At(step) => evaluations.at(step),
    }
}

fn no_evaluation(evaluations: &Evaluations, which: Which) -> String {
    let steps: Vec<String> = evaluations
        .timesteps()
        .take(12)
        .map(|step| step.to_string())
        .collect();
    let more = if evaluations.count() > steps.len() {
        ", …"
    } else {
        ""
    };
    match which {
        Which::At(step) => format!(
            "no evaluation at step {step}; there are {}{more}",
            steps.join(", ")
        ),
        Which::Best | Which::Last => "it has no evaluations".to_owned(),
    }
}
