//! What an evaluation is compared with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::invalid_value::InvalidValue;
use super::thresholds::within;
use crate::episode::Episode;
use crate::integer;
use crate::metrics::Metrics;
use crate::statistics::{Summary, size};

/// No reward that means anything is larger, and squares and sums of smaller ones stay far from
/// overflow.
pub const MAX_MAGNITUDE: f64 = 1e12;

/// More episodes than anybody runs, and few enough for the t distribution's tails to keep nine
/// digits.
pub const MAX_EPISODES: u32 = 1_000_000;

/// The return of one episode and what it was reset with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeededReturn {
    /// What the episode was reset with.
    #[serde(deserialize_with = "integer::read")]
    #[schemars(range(max = u64::MAX))]
    pub seed: u64,
    /// Its undiscounted return.
    #[schemars(range(min = -MAX_MAGNITUDE, max = MAX_MAGNITUDE))]
    pub total_reward: f64,
}

/// What is known about the episodes that others are compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "BaselineStatistics")]
pub struct Baseline {
    /// Mean return.
    pub mean_reward: f64,
    /// Population standard deviation of the returns (divisor n, NumPy's default).
    pub std_reward: f64,
    /// Share of successful episodes, where it is known.
    #[serde(default)]
    pub success_rate: Option<f64>,
    /// How many episodes there were.
    pub n: u32,
    /// Each episode's return, when they are known: candidates on the same seeds are then compared
    /// seed by seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returns: Option<Vec<SeededReturn>>,
}

impl Baseline {
    /// An evaluation as a baseline, with its returns.
    pub fn of(metrics: &Metrics, episodes: &[Episode]) -> Self {
        let returns = episodes.iter().map(|episode| SeededReturn {
            seed: episode.seed,
            total_reward: episode.total_reward,
        });
        Self {
            mean_reward: metrics.mean_reward,
            std_reward: metrics.std_reward,
            success_rate: Some(metrics.success_rate),
            n: size(episodes.len()),
            returns: Some(returns.collect()),
        }
    }

    /// Whether a baseline from outside may be stored: every number within its bounds, returns that
    /// fit the other fields, and no seed twice. The error names the first field that is not right.
    pub fn check(&self) -> Result<(), InvalidValue> {
        self.check_bounds()?;
        let Some(returns) = &self.returns else {
            return Ok(());
        };
        let fail = |field, message: String| Err(InvalidValue { field, message });
        if returns.len() != self.n as usize {
            return fail(
                "n",
                format!("is {}, but there are {} returns", self.n, returns.len()),
            );
        }
        let mut seeds: Vec<u64> = returns.iter().map(|episode| episode.seed).collect();
        seeds.sort_unstable();
        if let Some((_, seed)) = seeds
            .iter()
            .zip(seeds.iter().skip(1))
            .find(|(seed, next)| seed == next)
        {
            return fail("returns", format!("hold seed {seed} more than once"));
        }
        let summary = summarize(returns);
        let stated = [
            ("mean_reward", self.mean_reward, summary.mean),
            (
                "std_reward",
                self.std_reward,
                summary.population_variance.sqrt(),
            ),
        ];
        // Clients print a few digits; a number that belongs to other episodes is further off.
        let tolerance = 1e-3 * self.mean_reward.abs().max(self.std_reward);
        match stated
            .into_iter()
            .find(|(_, stated, actual)| (stated - actual).abs() > tolerance)
        {
            Some((field, stated, actual)) => {
                fail(field, format!("is {stated}, but the returns give {actual}"))
            }
            None => Ok(()),
        }
    }

    /// Whether every number is within its bounds, so that no comparison overflows.
    pub(super) fn check_bounds(&self) -> Result<(), InvalidValue> {
        within(
            "mean_reward",
            self.mean_reward,
            -MAX_MAGNITUDE,
            MAX_MAGNITUDE,
        )?;
        within("std_reward", self.std_reward, 0.0, MAX_MAGNITUDE)?;
        within("success_rate", self.success_rate.unwrap_or(0.0), 0.0, 1.0)?;
        within("n", f64::from(self.n), 1.0, f64::from(MAX_EPISODES))?;
        let mut returns = self.returns.iter().flatten();
        returns.try_for_each(|episode| {
            within(
                "returns",
                episode.total_reward,
                -MAX_MAGNITUDE,
                MAX_MAGNITUDE,
            )
        })
    }

    pub(super) fn summary(&self) -> Summary {
        Summary {
            n: self.n,
            mean: self.mean_reward,
            population_variance: self.std_reward * self.std_reward,
        }
    }

    /// The returns on the seeds of these episodes, in their order, if there is one for each.
    pub(super) fn matching(&self, episodes: &[Episode]) -> Option<Vec<SeededReturn>> {
        let mut by_seed = self.returns.clone()?;
        by_seed.sort_by_key(|episode| episode.seed);
        let find = |episode: &Episode| {
            let index = by_seed
                .binary_search_by_key(&episode.seed, |kept| kept.seed)
                .ok()?;
            Some(by_seed[index])
        };
        episodes.iter().map(find).collect()
    }
}

/// Summarises returns.
pub(super) fn summarize(returns: &[SeededReturn]) -> Summary {
    Summary::of(returns.iter().map(|episode| episode.total_reward))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_baseline_is_refused_by_the_name_of_its_field() {
        let kept = |(seed, total_reward)| SeededReturn { seed, total_reward };
        let good = Baseline {
            mean_reward: 500.0,
            std_reward: 20.0,
            success_rate: Some(1.0),
            n: 4,
            returns: Some(
                [(7, 480.0), (8, 520.0), (9, 480.0), (10, 520.0)]
                    .map(kept)
                    .to_vec(),
            ),
        };
        assert_eq!(good.check(), Ok(()));
        let without_returns = Baseline {
            returns: None,
            ..good.clone()
        };
        assert_eq!(without_returns.check(), Ok(()));
        let returns = |change: fn(&mut Vec<SeededReturn>)| {
            let mut baseline = good.clone();
            change(baseline.returns.as_mut().unwrap());
            baseline
        };
        let cases = [
            (
                "mean_reward",
                Baseline {
                    mean_reward: f64::NAN,
                    ..good.clone()
                },
            ),
            (
                "mean_reward",
                Baseline {
                    mean_reward: 510.0,
                    ..good.clone()
                },
            ),
            (
                "std_reward",
                Baseline {
                    std_reward: -1.0,
                    ..good.clone()
                },
            ),
            (
                "std_reward",
                Baseline {
                    std_reward: 30.0,
                    ..good.clone()
                },
            ),
            (
                "success_rate",
                Baseline {
                    success_rate: Some(1.5),
                    ..good.clone()
                },
            ),
            (
                "n",
                Baseline {
                    n: 0,
                    returns: None,
                    ..good.clone()
                },
            ),
            (
                "n",
                Baseline {
                    n: 5,
                    ..good.clone()
                },
            ),
            (
                "returns",
                returns(|returns| returns[1].seed = returns[3].seed),
            ),
            (
                "returns",
                returns(|returns| returns[2].total_reward = f64::INFINITY),
            ),
        ];
        for (field, baseline) in cases {
            assert_eq!(baseline.check().unwrap_err().field, field, "{baseline:?}");
        }
    }
}
