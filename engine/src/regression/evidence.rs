//! Which test fits the rewards, and what it finds out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::baseline::{Baseline, SeededReturn, summarize};
use super::candidate::Candidate;
use super::thresholds::LEAST_SCALE;
use crate::episode::Episode;
use crate::statistics::proportion::{
    clopper_pearson_upper, fisher_all_in_first, sign_test_unanimous,
};
use crate::statistics::t_test::TTest;
use crate::statistics::{Interval, Summary, size};

/// Relative to their scale, differences up to this are rounding.
const EQUAL: f64 = 1e-12;

/// How the rewards were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ComparisonTest")]
pub enum Test {
    /// Student's t on the differences between episodes of the same seed.
    PairedT,
    /// Sign test on such differences when they are all the same.
    PairedSign,
    /// Welch's t on independent episodes.
    Welch,
    /// Fisher's exact test on the episodes below a baseline that never varied, and the candidate's
    /// t against it; the larger of both p-values.
    Exact,
    /// Bets on the signs and on the mean of the differences of pairs, after each episode until the
    /// verdict was safe.
    Betting,
    /// None: one side has fewer than two episodes, or a number that nothing can be computed with.
    None,
}

/// What a test found out, before margins and other environments come in.
pub(super) struct Evidence {
    pub(super) test: Test,
    pub(super) n_baseline: u32,
    pub(super) baseline_mean: f64,
    pub(super) difference: f64,
    pub(super) bounds: Option<Bounds>,
}

pub(super) struct Bounds {
    pub(super) interval: Interval,
    pub(super) p_value: f64,
    /// Variance of √n times the estimated difference, if either side had n episodes.
    pub(super) variance_per_episode: f64,
}

impl Evidence {
    /// Compares the rewards with the test that fits the data best.
    pub(super) fn gather(candidate: &Candidate<'_>, alpha: f64) -> Self {
        let baseline = candidate.baseline;
        let metrics = candidate.metrics;
        let sample = Summary {
            n: size(candidate.episodes.len()),
            mean: metrics.mean_reward,
            population_variance: metrics.reward_variance,
        };
        let usable = sample.mean.is_finite()
            && sample.population_variance.is_finite()
            && baseline.check_bounds().is_ok();
        if !usable {
            return Self::none(0, 0.0, 0.0);
        }
        if sample.n < 2 || baseline.n < 2 {
            return Self::none(
                baseline.n,
                baseline.mean_reward,
                sample.mean - baseline.mean_reward,
            );
        }
        if is_constant(&baseline.summary(), baseline.mean_reward) {
            return Self::exact(candidate.episodes, &sample, baseline, alpha);
        }
        match baseline.matching(candidate.episodes) {
            Some(matched) => Self::paired(candidate.episodes, &sample, &matched, alpha),
            None => Self::welch(&sample, &baseline.summary(), alpha),
        }
    }

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

    fn paired(
        episodes: &[Episode],
        sample: &Summary,
        matched: &[SeededReturn],
        alpha: f64,
    ) -> Self {
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
            let unanimous = sign_test_unanimous(summary.n);
            let p_value = if summary.mean < 0.0 { unanimous } else { 1.0 };
            (
                Test::PairedSign,
                Bounds::unvaried(summary.mean, p_value, unanimous <= alpha, baseline.mean),
            )
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
            let p_value = if summary.mean < 0.0 { 0.0 } else { 1.0 };
            let unanimous = fisher_all_in_first(sample.n, sample.n, baseline.n);
            Bounds::unvaried(summary.mean, p_value, unanimous <= alpha, constant)
        } else {
            differences.bounds(&summary, alpha)
        };
        // Fisher's test alone would also accuse a candidate that merely varies, with its mean where
        // it was.
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
    /// Differences that are all the same. They are a point, if there are so many that the test
    /// would have noticed had all of them been losses; otherwise they show nothing, and everything
    /// may be lost.
    fn unvaried(difference: f64, p_value: f64, enough: bool, baseline_mean: f64) -> Self {
        let unknown = if enough {
            0.0
        } else {
            baseline_mean.abs().max(1.0)
        };
        let interval = Interval {
            low: difference - unknown,
            high: difference,
        };
        Self {
            interval,
            p_value,
            variance_per_episode: 0.0,
        }
    }
}

/// Differences of single episodes to what they are compared with.
struct Differences(Vec<f64>);

impl Differences {
    fn losses(&self) -> u32 {
        size(
            self.0
                .iter()
                .filter(|&&difference| difference < 0.0)
                .count(),
        )
    }

    /// What the t test says, with a lower bound that holds for rare large losses, too.
    ///
    /// When most differences are zero and a few are large, the t distribution is far from the
    /// truth, and the lower bound is missed more often than α says. So losses are also counted, as
    /// if all were as large as their mean and as frequent as Clopper and Pearson allow; the lower
    /// of both bounds stands. Where differences are spread evenly it is always t's.
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
