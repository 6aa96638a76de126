//! The statistical comparison of rewards as it is reported: margin, interval, p-values.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::baseline::MAX_MAGNITUDE;
use super::candidate::Candidate;
use super::evidence::{Evidence, Test};
use super::sequential_test::SequentialTest;
use super::thresholds::{LEAST_SCALE, Thresholds};
use crate::statistics::student_t::normal_upper_quantile;
use crate::statistics::{Interval, size};

/// The statistical comparison of the candidate's rewards with the baseline's. Differences are
/// candidate − baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// How they were compared.
    pub test: Test,
    /// Episodes of the candidate.
    pub n: u32,
    /// Episodes of the baseline that took part.
    pub n_baseline: u32,
    /// Mean return of those episodes of the baseline; 0 if there is no usable one.
    pub baseline_mean: f64,
    /// Difference of the mean returns.
    pub difference: f64,
    /// The drop that may be tolerated: `reward_drop_pct` of the scale, which is |baseline mean|, or
    /// the baseline's standard deviation if its mean is zero, or 1 if that is zero, too.
    pub margin: f64,
    /// The drop relative to the same scale; negative for a gain.
    pub reward_drop_pct: f64,
    /// Two-sided 1 − 2α interval of the difference, each end being a one-sided bound at level α;
    /// null if nothing was tested.
    pub interval: Option<Interval>,
    /// One-sided p-value of "the candidate is worse"; null if nothing was tested.
    pub p_value: Option<f64>,
    /// The same adjusted for all environments of the job (Holm).
    pub p_adjusted: Option<f64>,
    /// Episodes per side with which a drop of the margin is told from none in four of five cases;
    /// null if nothing varied, or if nobody could run so many.
    pub episodes_needed: Option<u32>,
    /// The sequential test, where an early stop was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequential: Option<SequentialTest>,
}

impl Comparison {
    /// Compares the rewards of all episodes with the test that fits the data best, at level
    /// `alpha`. `p_adjusted` is still `p_value`.
    pub(super) fn of(candidate: &Candidate<'_>, thresholds: &Thresholds, alpha: f64) -> Self {
        let evidence = Evidence::gather(candidate, alpha);
        let scale = scale(evidence.baseline_mean, candidate.baseline.std_reward);
        let margin = thresholds.reward_drop_pct * scale;
        let p_value = evidence.bounds.as_ref().map(|bounds| bounds.p_value);
        Self {
            test: evidence.test,
            n: size(candidate.episodes.len()),
            n_baseline: evidence.n_baseline,
            baseline_mean: evidence.baseline_mean,
            difference: evidence.difference,
            margin,
            // Not the negated quotient, which would make a negative zero of no difference.
            reward_drop_pct: (0.0 - evidence.difference) / scale,
            interval: evidence.bounds.as_ref().map(|bounds| bounds.interval),
            p_value,
            p_adjusted: p_value,
            episodes_needed: evidence
                .bounds
                .and_then(|bounds| episodes_needed(bounds.variance_per_episode, margin, alpha)),
            sequential: None,
        }
    }

    /// Whether a drop of the margin or more is ruled out.
    pub(super) fn is_non_inferior(&self) -> bool {
        self.interval
            .is_some_and(|interval| interval.low > -self.margin)
    }

    /// Whether it is shown that the candidate is better.
    pub(super) fn is_better(&self) -> bool {
        self.interval.is_some_and(|interval| interval.low > 0.0)
    }
}

/// What drops are relative to.
pub(super) fn scale(baseline_mean: f64, baseline_std: f64) -> f64 {
    [baseline_mean.abs(), baseline_std]
        .into_iter()
        .find(|scale| (LEAST_SCALE..=MAX_MAGNITUDE).contains(scale))
        .unwrap_or(1.0)
}

/// n such that a drop of `margin` is found at level `alpha` with power 80 %: (z₁₋α + z₀.₈)² ·
/// variance / margin².
fn episodes_needed(variance_per_episode: f64, margin: f64, alpha: f64) -> Option<u32> {
    let reach = normal_upper_quantile(alpha) + normal_upper_quantile(0.2);
    let needed = (reach * reach * variance_per_episode / (margin * margin)).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is within the bounds"
    )]
    (1.0..=1e6).contains(&needed).then_some(needed as u32)
}
