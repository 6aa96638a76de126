//! The statistical comparison of rewards: which test fits the data, and what it says.

use serde::{Deserialize, Serialize};

use super::baseline::summarize;
use super::{Baseline, Candidate, SeededReturn, Thresholds};
use crate::episode::Episode;
use crate::statistics::proportion::{clopper_pearson_upper, fisher_all_in_first, sign_test_unanimous};
use crate::statistics::student_t::normal_upper_quantile;
use crate::statistics::t_test::TTest;
use crate::statistics::{Interval, Summary, size};

/// Below this a mean counts as zero, and cannot be what a drop is relative to.
const LEAST_SCALE: f64 = 1e-9;

/// Relative to their scale, differences up to this are rounding.
const EQUAL: f64 = 1e-12;

/// How the rewards were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// Student's t on the differences between episodes of the same seed.
    PairedT,
    /// Sign test on such differences when they are all the same.
    PairedSign,
    /// Welch's t on independent episodes.
    Welch,
    /// Fisher's exact test on the episodes below a baseline that never varied, and the candidate's t against it; the larger
    /// of both p-values.
    Exact,
    /// None: one side has fewer than two episodes, or a number that nothing can be computed with.
    None,
}

/// The statistical comparison of the candidate's rewards with the baseline's. Differences are candidate − baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// The drop that may be tolerated: `reward_drop_pct` of the scale, which is |baseline mean|, or the baseline's standard
    /// deviation if its mean is zero, or 1 if that is zero, too.
    pub margin: f64,
    /// The drop relative to the same scale; negative for a gain.
    pub reward_drop_pct: f64,
    /// Two-sided 1 − 2α interval of the difference, each end being a one-sided bound at level α; null if nothing was tested.
    pub interval: Option<Interval>,
    /// One-sided p-value of "the candidate is worse"; null if nothing was tested.
    pub p_value: Option<f64>,
    /// The same adjusted for all environments of the job (Holm).
    pub p_adjusted: Option<f64>,
    /// Episodes per side with which a drop of the margin is told from none in four of five cases; null if nothing varied, or
    /// if nobody could run so many.
    pub episodes_needed: Option<u32>,
}

/// What a test found out, before margins and other environments come in.
struct Evidence {
    test: Test,
    n_baseline: u32,
    baseline_mean: f64,
    difference: f64,
    bounds: Option<Bounds>,
}

struct Bounds {
    interval: Interval,
    p_value: f64,
    /// Variance of √n times the estimated difference, if either side had n episodes.
    variance_per_episode: f64,
}

impl Comparison {
    /// Compares the rewards with the test that fits the data best. `p_adjusted` is still `p_value`.
    pub(super) fn of(candidate: &Candidate<'_>, thresholds: &Thresholds) -> Self {
        let baseline = candidate.baseline;
        let metrics = candidate.metrics;
        let sample = Summary {
            n: size(candidate.episodes.len()),
            mean: metrics.mean_reward,
            population_variance: metrics.reward_variance,
        };
        let usable =
            sample.mean.is_finite() && sample.population_variance.is_finite() && baseline.check_bounds().is_ok();
        let evidence = match baseline.matching(candidate.episodes) {
            _ if !usable => Evidence::none(0, 0.0, 0.0),
            _ if sample.n < 2 || baseline.n < 2 => {
                Evidence::none(baseline.n, baseline.mean_reward, sample.mean - baseline.mean_reward)
            }
            _ if is_constant(&baseline.summary(), baseline.mean_reward) => {
                Evidence::exact(candidate.episodes, &sample, baseline, thresholds.alpha)
            }
            Some(matched) => Evidence::paired(candidate.episodes, &sample, &matched, thresholds.alpha),
            None => Evidence::welch(&sample, &baseline.summary(), thresholds.alpha),
        };
        let std = if usable { baseline.std_reward } else { 0.0 };
        let scale = [evidence.baseline_mean.abs(), std]
            .into_iter()
            .find(|&scale| scale >= LEAST_SCALE)
            .unwrap_or(1.0);
        let margin = thresholds.reward_drop_pct * scale;
        let p_value = evidence.bounds.as_ref().map(|bounds| bounds.p_value);
        Self {
            test: evidence.test,
            n: sample.n,
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
                .and_then(|bounds| episodes_needed(bounds.variance_per_episode, margin, thresholds.alpha)),
        }
    }

    /// Whether a drop of the margin or more is ruled out.
    pub(super) fn is_non_inferior(&self) -> bool {
        self.interval.is_some_and(|interval| interval.low > -self.margin)
    }

    /// Whether it is shown that the candidate is better.
    pub(super) fn is_better(&self) -> bool {
        self.interval.is_some_and(|interval| interval.low > 0.0)
    }
}

impl Evidence {
    fn none(n_baseline: u32, baseline_mean: f64, difference: f64) -> Self {
        Self {
            test: Test::None,
            n_baseline,
            baseline_mean,
            difference,
            bounds: None,
        }
    }

    fn welch(sample: &Summary, baseline: &Summary, alpha: f64) -> Self {
        let difference = sample.mean - baseline.mean;
        let variances = sample.sample_variance().zip(baseline.sample_variance());
        match TTest::welch(sample, baseline).zip(variances) {
            Some((test, (of_sample, of_baseline))) => Self {
                test: Test::Welch,
                n_baseline: baseline.n,
                baseline_mean: baseline.mean,
                difference,
                bounds: Some(Bounds {
                    interval: test.interval(alpha),
                    p_value: test.p_worse(),
                    variance_per_episode: of_sample + of_baseline,
                }),
            },
            None => Self::none(baseline.n, baseline.mean, difference),
        }
    }

    fn paired(episodes: &[Episode], sample: &Summary, matched: &[SeededReturn], alpha: f64) -> Self {
        let differences = Differences(
            episodes
                .iter()
                .zip(matched)
                .map(|(episode, kept)| episode.total_reward - kept.total_reward)
                .collect(),
        );
        let baseline = summarize(matched);
        let summary = Summary::of(differences.0.iter().copied());
        let constant = is_constant(&summary, sample.mean.abs().max(baseline.mean.abs()));
        let (test, bounds) = if constant {
            let p_value = if summary.mean < 0.0 {
                sign_test_unanimous(summary.n)
            } else {
                1.0
            };
            (Test::PairedSign, Bounds::point(summary.mean, p_value))
        } else {
            (Test::PairedT, differences.bounds(&summary, alpha))
        };
        Self {
            test,
            n_baseline: summary.n,
            baseline_mean: baseline.mean,
            difference: summary.mean,
            bounds: Some(bounds),
        }
    }

    fn exact(episodes: &[Episode], sample: &Summary, baseline: &Baseline, alpha: f64) -> Self {
        let constant = baseline.mean_reward;
        let differences = Differences(
            episodes
                .iter()
                .map(|episode| snapped(episode.total_reward - constant, constant))
                .collect(),
        );
        let summary = Summary::of(differences.0.iter().copied());
        let bounds = if is_constant(&summary, constant) {
            Bounds::point(summary.mean, if summary.mean < 0.0 { 0.0 } else { 1.0 })
        } else {
            differences.bounds(&summary, alpha)
        };
        // Fisher's test alone would also accuse a candidate that merely varies, with its mean where it was.
        let fisher = fisher_all_in_first(differences.losses(), sample.n, baseline.n);
        Self {
            test: Test::Exact,
            n_baseline: baseline.n,
            baseline_mean: constant,
            difference: summary.mean,
            bounds: Some(Bounds {
                p_value: bounds.p_value.max(fisher),
                ..bounds
            }),
        }
    }
}

impl Bounds {
    fn point(difference: f64, p_value: f64) -> Self {
        Self {
            interval: Interval::point(difference),
            p_value,
            variance_per_episode: 0.0,
        }
    }
}

/// Differences of single episodes to what they are compared with.
struct Differences(Vec<f64>);

impl Differences {
    fn losses(&self) -> u32 {
        size(self.0.iter().filter(|&&difference| difference < 0.0).count())
    }

    /// What the t test says, with a lower bound that holds for rare large losses, too.
    ///
    /// When most differences are zero and a few are large, the t distribution is far from the truth, and the lower bound is
    /// missed more often than α says. So losses are also counted, as if all were as large as their mean and as frequent as
    /// Clopper and Pearson allow; the lower of both bounds stands. Where differences are spread evenly it is always t's.
    fn bounds(&self, summary: &Summary, alpha: f64) -> Bounds {
        let test = TTest::one_sample(summary, 0.0);
        let mut interval = test.map_or(Interval::point(summary.mean), |test| test.interval(alpha));
        let losses = self.losses();
        if losses > 0 {
            let mean_loss = -self
                .0
                .iter()
                .copied()
                .filter(|&difference| difference < 0.0)
                .sum::<f64>()
                / f64::from(losses);
            let gain = self
                .0
                .iter()
                .copied()
                .filter(|&difference| difference > 0.0)
                .sum::<f64>()
                / f64::from(summary.n);
            let frequency = clopper_pearson_upper(losses, summary.n, alpha);
            interval.low = interval.low.min(gain - frequency * mean_loss);
        }
        Bounds {
            interval,
            p_value: test.map_or(1.0, |test| test.p_worse()),
            variance_per_episode: summary.sample_variance().unwrap_or(0.0),
        }
    }
}

/// Whether values vary by no more than rounding at this scale makes them.
fn is_constant(summary: &Summary, scale: f64) -> bool {
    summary.population_variance.sqrt() <= EQUAL * scale.abs().max(LEAST_SCALE)
}

/// Zero for a difference that rounding makes at this scale.
fn snapped(difference: f64, scale: f64) -> f64 {
    if difference.abs() <= EQUAL * scale.abs().max(LEAST_SCALE) {
        0.0
    } else {
        difference
    }
}

/// n such that a drop of `margin` is found at level `alpha` with power 80 %: (z₁₋α + z₀.₈)² · variance / margin².
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
