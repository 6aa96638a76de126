//! Returns of episodes that others measured: what people have instead of a baseline of ours.
//!
//! | file | written by | holds |
//! |---|---|---|
//! | `evaluations.npz` | SB3's `EvalCallback` | the returns of each evaluation during training |
//! | `monitor.csv` | SB3's `Monitor` | the returns of all episodes, in the order of their end |
//!
//! Neither says which seeds its episodes were reset with, nor whether they were successful.

mod monitor;
mod npy;

pub use self::monitor::Monitor;

use crate::policy_file::Error;
use crate::policy_file::archive::Archive;
use crate::regression::Baseline;
use crate::statistics::{Summary, size};

const NPZ: &str = "evaluations.npz";

/// One evaluation during training.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Steps of the environment that had been trained on.
    pub timestep: u64,
    /// One return per episode.
    pub returns: Vec<f64>,
}

/// Every evaluation of an `EvalCallback`, in order: at least one, with at least one episode each.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluations(Vec<Evaluation>);

impl Evaluations {
    /// Reads `evaluations.npz`: `timesteps` of shape `[evaluations]`, `results` of shape
    /// `[evaluations, episodes]`.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        let mut archive = Archive::open(NPZ, bytes)?;
        let mut array = |name: &'static str| {
            let content = archive.entry(name)?;
            let content = content.ok_or_else(|| unexpected(format!("it has no {name}")))?;
            npy::read(&content).map_err(|reason| unexpected(format!("{name} {reason}")))
        };
        let (timesteps, results) = (array("timesteps.npy")?, array("results.npy")?);
        let (&[count], &[evaluations, episodes]) = (&timesteps.shape[..], &results.shape[..])
        else {
            return Err(unexpected(format!(
                "timesteps has the shape {:?}, results {:?}",
                timesteps.shape, results.shape
            )));
        };
        if count != evaluations || evaluations == 0 || episodes == 0 {
            return Err(unexpected(format!(
                "it has {count} timesteps and results of {evaluations} evaluations of \
                 {episodes} episodes"
            )));
        }
        let rows = results.values.chunks_exact(episodes);
        let evaluation = |(&timestep, returns): (&f64, &[f64])| Evaluation {
            timestep: whole(timestep),
            returns: returns.to_vec(),
        };
        Ok(Self(
            timesteps.values.iter().zip(rows).map(evaluation).collect(),
        ))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The first one with the greatest mean: the policy of that moment is `best_model.zip`.
    pub fn best(&self) -> Option<&Evaluation> {
        let mean = |evaluation: &Evaluation| Summary::of(evaluation.returns.iter().copied()).mean;
        let mut all = self.0.iter();
        let first = all.next()?;
        Some(all.fold(
            first,
            |best, next| if mean(next) > mean(best) { next } else { best },
        ))
    }

    /// The one at the end of training.
    pub fn last(&self) -> Option<&Evaluation> {
        self.0.last()
    }

    /// The one after so many steps.
    pub fn at(&self, timestep: u64) -> Option<&Evaluation> {
        self.0
            .iter()
            .find(|evaluation| evaluation.timestep == timestep)
    }

    /// Every timestep that there is an evaluation of.
    pub fn timesteps(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|evaluation| evaluation.timestep)
    }
}

/// What a comparison needs of returns whose seeds and success are unknown.
pub fn baseline(returns: &[f64]) -> Baseline {
    let summary = Summary::of(returns.iter().copied());
    Baseline {
        mean_reward: summary.mean,
        std_reward: summary.population_variance.sqrt(),
        success_rate: None,
        n: size(returns.len()),
        returns: None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast saturates, and a timestep only names an evaluation"
)]
fn whole(timestep: f64) -> u64 {
    timestep as u64
}

fn unexpected(reason: String) -> Error {
    Error::Unexpected {
        file: NPZ,
        expected: "evaluations",
        reason,
    }
}
