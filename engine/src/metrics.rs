//! Episode statistics of one environment's evaluation.

use serde::{Deserialize, Serialize};

use crate::episode::Episode;
use crate::statistics::bootstrap::{interquartile_mean, interquartile_mean_interval};
use crate::statistics::line::Line;
use crate::statistics::t_test::TTest;
use crate::statistics::{self, Interval, Summary};

/// How many of the last losses `loss_trend` looks at; also the default of `EVAL_LOSS_TREND_WINDOW`.
pub const LOSS_TREND_WINDOW: usize = 10;

/// What is left out on either side of a 95 % interval.
const TAIL: f64 = 0.025;

/// Statistics of one environment's episodes. Rewards are undiscounted returns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Mean return.
    pub mean_reward: f64,
    /// Population standard deviation of the returns (divisor n, NumPy's default).
    pub std_reward: f64,
    /// The least return.
    pub min_reward: f64,
    /// The greatest return.
    pub max_reward: f64,
    /// Share of the episodes that met the environment's success rule.
    pub success_rate: f64,
    /// Mean episode length in steps.
    pub mean_steps: f64,
    /// Population variance of the returns.
    pub reward_variance: f64,
    /// Entropy in nats of the actions really taken; null for continuous actions.
    pub action_entropy: Option<f64>,
    /// Interquartile mean of the returns.
    pub iqm_reward: f64,
    /// 95 % Student-t interval of the mean return; a point when all returns are equal, null for one episode.
    pub mean_reward_ci95: Option<Interval>,
    /// 95 % percentile bootstrap interval of the interquartile mean; null for one episode.
    pub iqm_reward_ci95: Option<Interval>,
    /// Mean of the losses that the client supplied; null without any.
    pub mean_loss: Option<f64>,
    /// Least-squares slope per loss over the last [`LOSS_TREND_WINDOW`] losses; null below two.
    pub loss_trend: Option<f64>,
}

/// Summarises the episodes of one environment, in the order given.
///
/// `action_counts` says how often each discrete action was taken; `losses` are the client's training losses, oldest first.
///
/// # Panics
///
/// If there is no episode: a request asks for at least one, so a rollout without any is a bug that must not be stored.
pub fn summarize(episodes: &[Episode], action_counts: Option<&[u64]>, losses: &[f64]) -> Metrics {
    assert!(!episodes.is_empty(), "an evaluation has at least one episode");
    let returns: Vec<f64> = episodes.iter().map(|episode| episode.total_reward).collect();
    let summary = Summary::of(returns.iter().copied());
    let n = f64::from(summary.n);
    let successes = episodes.iter().filter(|episode| episode.success).count();
    let steps: u64 = episodes.iter().map(|episode| u64::from(episode.steps)).sum();
    let mean_interval =
        TTest::one_sample(&summary, 0.0).map_or(Interval::point(summary.mean), |test| test.interval(TAIL));
    Metrics {
        mean_reward: summary.mean,
        std_reward: summary.population_variance.sqrt(),
        min_reward: returns.iter().copied().fold(f64::INFINITY, f64::min),
        max_reward: returns.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        success_rate: successes as f64 / n,
        mean_steps: steps as f64 / n,
        reward_variance: summary.population_variance,
        action_entropy: action_counts.and_then(statistics::entropy),
        iqm_reward: interquartile_mean(&returns).expect("there is at least one episode"),
        mean_reward_ci95: (summary.n > 1).then_some(mean_interval),
        iqm_reward_ci95: interquartile_mean_interval(&returns),
        mean_loss: (!losses.is_empty()).then(|| Summary::of(losses.iter().copied()).mean),
        loss_trend: Line::fit(last(losses, LOSS_TREND_WINDOW)).map(|line| line.slope),
    }
}

/// The last `window` values, or all if there are fewer.
pub(crate) fn last(values: &[f64], window: usize) -> &[f64] {
    &values[values.len().saturating_sub(window)..]
}
