//! The four named checks, the score and the severity: what was observed, whatever the verdict.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::baseline::Baseline;
use super::comparison::Comparison;
use super::severity::Severity;
use super::thresholds::Thresholds;
use crate::metrics::last;
use crate::statistics::Summary;
use crate::statistics::line::Line;

/// A variance ratio that scores 1.
const WORST_VARIANCE_RATIO: f64 = 5.0;

/// Which check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckName {
    /// The relative drop of the mean reward.
    RewardDrop,
    /// The rise of the failure rate over the baseline's.
    FailureRate,
    /// The ratio of the reward's variance to the baseline's, or to the squared margin if that is
    /// larger: a baseline that never varied would make any variance infinite.
    Variance,
    /// The relative rise of the loss along its least-squares line over the window.
    LossTrend,
}

impl CheckName {
    /// The name that it is serialised with.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RewardDrop => "reward_drop",
            Self::FailureRate => "failure_rate",
            Self::Variance => "variance",
            Self::LossTrend => "loss_trend",
        }
    }
}

/// One check. It failed if `observed` is above `threshold`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// Which check.
    pub name: CheckName,
    /// What was observed.
    pub observed: f64,
    /// What it may be at most. For the loss it is the largest rise that noise around a level line
    /// explains at level α.
    pub threshold: f64,
    /// Whether it is more.
    pub failed: bool,
}

/// What the checks look at in the candidate's episodes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) success_rate: f64,
    pub(super) reward_variance: f64,
}

/// What the checks look at.
pub(super) struct Observed {
    reward_drop: f64,
    /// `None` where the baseline's rate is unknown.
    failure_rise: Option<f64>,
    variance_ratio: f64,
    loss: Option<LossRise>,
}

struct LossRise {
    observed: f64,
    by_chance: f64,
}

impl Observed {
    pub(super) fn of(
        baseline: &Baseline,
        sample: Sample,
        losses: &[f64],
        comparison: &Comparison,
        thresholds: &Thresholds,
    ) -> Self {
        // Of an unusable side nothing is observed.
        let finite = |value: f64| if value.is_finite() { value } else { 0.0 };
        let std = if baseline.check_bounds().is_ok() {
            baseline.std_reward
        } else {
            f64::NAN
        };
        let reference = (std * std).max(comparison.margin * comparison.margin);
        Self {
            reward_drop: comparison.reward_drop_pct,
            failure_rise: baseline
                .success_rate
                .map(|known| finite(known - sample.success_rate)),
            variance_ratio: finite(sample.reward_variance / reference),
            loss: LossRise::of(last(losses, thresholds.loss_trend_window), thresholds.alpha),
        }
    }

    pub(super) fn checks(&self, thresholds: &Thresholds) -> Vec<Check> {
        let check = |name, observed, threshold| Check {
            name,
            observed,
            threshold,
            failed: observed > threshold,
        };
        let mut checks = vec![check(
            CheckName::RewardDrop,
            self.reward_drop,
            thresholds.reward_drop_pct,
        )];
        checks.extend(
            self.failure_rise
                .map(|rise| check(CheckName::FailureRate, rise, thresholds.failure_rate)),
        );
        checks.push(check(
            CheckName::Variance,
            self.variance_ratio,
            thresholds.variance_multiplier,
        ));
        checks.extend(
            self.loss
                .as_ref()
                .map(|loss| check(CheckName::LossTrend, loss.observed, loss.by_chance)),
        );
        checks
    }

    /// The names of those that failed.
    pub(super) fn failed(&self, thresholds: &Thresholds) -> Vec<CheckName> {
        let checks = self.checks(thresholds).into_iter();
        checks
            .filter(|check| check.failed)
            .map(|check| check.name)
            .collect()
    }

    pub(super) fn score(&self) -> f64 {
        let part = |value: f64| value.clamp(0.0, 1.0);
        0.4 * part(self.reward_drop)
            + 0.3 * part(self.failure_rise.unwrap_or(0.0))
            + 0.2 * part((self.variance_ratio - 1.0) / (WORST_VARIANCE_RATIO - 1.0))
            + 0.1 * part(self.loss.as_ref().map_or(0.0, |loss| loss.observed))
    }

    /// How bad it is if it is a regression.
    pub(super) fn severity(&self) -> Severity {
        let above = |drop: f64, failures: f64, variance: f64| {
            self.reward_drop > drop
                || self.failure_rise.is_some_and(|rise| rise > failures)
                || self.variance_ratio > variance
        };
        if above(0.20, 0.25, 5.0) {
            Severity::Critical
        } else if above(0.10, 0.15, 3.0) {
            Severity::High
        } else if above(0.05, 0.10, 2.0) {
            Severity::Medium
        } else {
            Severity::Low
        }
    }
}

impl LossRise {
    /// `None` below three losses, if their mean is zero, or if they are not numbers to compute
    /// with.
    fn of(losses: &[f64], alpha: f64) -> Option<Self> {
        let line = Line::fit(losses)?;
        let steps = losses.len() as f64 - 1.0;
        let scale = Summary::of(losses.iter().map(|loss| loss.abs())).mean;
        let rise = Self {
            observed: line.slope * steps / scale,
            by_chance: line.largest_chance_slope(alpha)? * steps / scale,
        };
        (rise.observed.is_finite() && rise.by_chance.is_finite()).then_some(rise)
    }
}
