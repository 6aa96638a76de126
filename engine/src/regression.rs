//! Compares an evaluation with a baseline: checks, score, severity and the three-way verdict.
//!
//! Why three verdicts, and why these tests: `docs/adr/0003-three-way-verdict.md`.

mod baseline;
mod candidate;
mod checks;
mod comparison;
mod evidence;
mod invalid_value;
mod reason;
mod sequential_test;
mod severity;
mod stopping;
#[cfg(test)]
mod tests;
mod thresholds;
mod verdict;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::baseline::{Baseline, MAX_EPISODES, MAX_MAGNITUDE, SeededReturn};
pub use self::candidate::Candidate;
pub use self::checks::{Check, CheckName};
use self::checks::{Observed, Sample};
pub use self::comparison::Comparison;
pub use self::evidence::Test;
pub use self::invalid_value::InvalidValue;
pub use self::sequential_test::{SequentialTest, Stopping};
pub use self::severity::Severity;
pub use self::stopping::Sequential;
pub use self::thresholds::Thresholds;
pub use self::verdict::Verdict;
use crate::statistics::holm;

/// The outcome of comparing one environment with its baseline. Every number in it is finite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Regression {
    /// Whether the verdict is `regression`.
    pub detected: bool,
    /// What the comparison allows to be said.
    pub verdict: Verdict,
    /// How bad a detected regression is.
    pub severity: Severity,
    /// 0.4·reward + 0.3·failure + 0.2·variance + 0.1·loss, each from 0 (as the baseline or better)
    /// to 1. It describes what was observed and says nothing about chance: the verdict does.
    ///
    /// reward: relative drop of the mean, 1 at 100 %. failure: rise of the failure rate, 1 at 100
    /// points. variance: (ratio − 1) / 4, so 1 at 5×. loss: relative rise of the loss over its
    /// window, 1 at 100 %.
    pub regression_score: f64,
    /// Whether the severity is high or critical.
    pub should_rollback: bool,
    /// The checks that failed, whatever the verdict.
    pub failed_checks: Vec<CheckName>,
    /// The verdict and its grounds in one sentence.
    pub reason: String,
    /// Every check that could be made.
    pub checks: Vec<Check>,
    /// The statistical comparison of the rewards.
    pub comparison: Comparison,
}

/// Judges all environments of a job together, in order: the more of them there are, the more
/// evidence each regression needs, so that a job without any change is falsely accused in at most α
/// of all cases (Holm).
pub fn judge(candidates: &[Candidate<'_>], thresholds: &Thresholds) -> Vec<Regression> {
    let mut comparisons: Vec<Comparison> = candidates
        .iter()
        .map(|candidate| compare(candidate, thresholds))
        .collect();
    let raw: Vec<f64> = comparisons
        .iter()
        .filter_map(|comparison| comparison.p_value)
        .collect();
    let tested = comparisons
        .iter_mut()
        .filter(|comparison| comparison.p_value.is_some());
    for (comparison, adjusted) in tested.zip(holm(&raw)) {
        comparison.p_adjusted = Some(adjusted);
    }
    let decide = |(candidate, comparison)| decide(candidate, comparison, thresholds);
    candidates.iter().zip(comparisons).map(decide).collect()
}

/// Judges a single environment.
pub fn judge_one(candidate: &Candidate<'_>, thresholds: &Thresholds) -> Regression {
    judge(std::slice::from_ref(candidate), thresholds).remove(0)
}

/// Compares one environment, before the others of the job come in.
///
/// Where it might have ended early, half of α is for the sequential test and half for the test of all
/// episodes: twice the smaller p-value is one again, and either test alone may rule out the margin.
fn compare(candidate: &Candidate<'_>, thresholds: &Thresholds) -> Comparison {
    let alpha = thresholds.alpha;
    let Some(stopping) = candidate.stopping else {
        return Comparison::of(candidate, thresholds, alpha);
    };
    let test = match Sequential::replay(candidate, stopping, thresholds) {
        Ok(test) => test,
        Err(why) => {
            let unable = SequentialTest::unable(stopping, candidate.episodes.len(), why);
            return Comparison {
                sequential: Some(unable),
                ..Comparison::of(candidate, thresholds, alpha)
            };
        }
    };
    let sequential = test.summary();
    if sequential.stopped_early {
        return test.comparison();
    }
    let left = 1.0 - stopping::SHARE;
    let whole = Comparison::of(candidate, thresholds, left * alpha);
    let p_value = whole.p_value.map(|of_all| {
        let of_sequential = test.p_value() / stopping::SHARE;
        of_sequential.min(of_all / left).min(1.0)
    });
    Comparison {
        p_value,
        p_adjusted: p_value,
        sequential: Some(sequential),
        ..whole
    }
}

fn decide(
    candidate: &Candidate<'_>,
    comparison: Comparison,
    thresholds: &Thresholds,
) -> Regression {
    let sample = Sample {
        success_rate: candidate.metrics.success_rate,
        reward_variance: candidate.metrics.reward_variance,
    };
    let observed = Observed::of(
        candidate.baseline,
        sample,
        candidate.losses,
        &comparison,
        thresholds,
    );
    let checks = observed.checks(thresholds);
    let failed_checks = observed.failed(thresholds);
    let verdict = verdict::verdict(&comparison, &failed_checks, thresholds);
    let detected = verdict == Verdict::Regression;
    let severity = if detected {
        observed.severity()
    } else {
        Severity::None
    };
    Regression {
        detected,
        verdict,
        severity,
        regression_score: observed.score(),
        should_rollback: severity >= Severity::High,
        reason: reason::write(candidate, &comparison, verdict, &checks, thresholds),
        failed_checks,
        checks,
        comparison,
    }
}
