//! The three verdicts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checks::CheckName;
use super::comparison::Comparison;
use super::thresholds::Thresholds;

/// What the comparison allows to be said. At level α, `regression` is false for at most α of all
/// jobs without a change, and `pass` for at most α of all environments that lost the margin or
/// more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A loss of the margin or more is ruled out, and no other check objects.
    Pass,
    /// The agent is worse, and a loss of the margin or more is not ruled out.
    Regression,
    /// There is too little evidence either way, or the reward passes and another check objects.
    Inconclusive,
}

impl Verdict {
    /// The name that it is serialised with.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Regression => "regression",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// The verdict on an environment.
pub(super) fn verdict(
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
