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
mod severity;
#[cfg(test)]
mod tests;
mod thresholds;
mod verdict;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::baseline::{Baseline, MAX_EPISODES, MAX_MAGNITUDE, SeededReturn};
pub use self::candidate::Candidate;
pub use self::checks::{Check, CheckName};
pub use self::comparison::Comparison;
pub use self::evidence::Test;
pub use self::invalid_value::InvalidValue;
pub use self::severity::Severity;
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
        .map(|candidate| Comparison::of(candidate, thresholds))
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

fn decide(
    candidate: &Candidate<'_>,
    comparison: Comparison,
    thresholds: &Thresholds,
) -> Regression {
    let observed = checks::Observed::of(candidate, &comparison, thresholds);
    let checks = observed.checks(thresholds);
    let failed_checks: Vec<CheckName> = checks
        .iter()
        .filter(|check| check.failed)
        .map(|check| check.name)
        .collect();
    let verdict = verdict(&comparison, &failed_checks, thresholds);
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

fn verdict(
    comparison: &Comparison,
    failed_checks: &[CheckName],
    thresholds: &Thresholds,
) -> Verdict {
    let worse = comparison
        .p_adjusted
        .is_some_and(|p_value| p_value <= thresholds.alpha);
    let objects = |check: &CheckName| match check {
        // The lower bound already rules such a drop out.
        CheckName::RewardDrop => false,
        // An agent that is better, but not evenly so, is still better.
        CheckName::Variance => !comparison.is_better(),
        CheckName::FailureRate | CheckName::LossTrend => true,
    };
    match (comparison.is_non_inferior(), worse) {
        (true, _) if failed_checks.iter().any(objects) => Verdict::Inconclusive,
        (true, _) => Verdict::Pass,
        (false, true) => Verdict::Regression,
        (false, false) => Verdict::Inconclusive,
    }
}
