//! Episode statistics of one environment's evaluation.

use schemars::JsonSchema;
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// 95 % Student-t interval of the mean return; a point when all returns are equal, null for one
    /// episode.
    pub mean_reward_ci95: Option<Interval>,
    /// 95 % percentile bootstrap interval of the interquartile mean; null for one episode.
    pub iqm_reward_ci95: Option<Interval>,
    /// Mean of the losses that the client supplied; null without any.
    pub mean_loss: Option<f64>,
    /// Least-squares slope per loss over the last ten losses; null below two.
    pub loss_trend: Option<f64>,
}

/// Summarises the episodes of one environment, in the order given.
///
/// `action_counts` says how often each discrete action was taken; `losses` are the client's
/// training losses, oldest first.
///
/// # Panics
///
/// If there is no episode: a request asks for at least one, so a rollout without any is a bug that
/// must not be stored.
pub fn summarize(episodes: &[Episode], action_counts: Option<&[u64]>, losses: &[f64]) -> Metrics {
    assert!(
        !episodes.is_empty(),
        "an evaluation has at least one episode"
    );
    let returns: Vec<f64> = episodes
        .iter()
        .map(|episode| episode.total_reward)
        .collect();
    let summary = Summary::of(returns.iter().copied());
    let n = f64::from(summary.n);
    let successes = episodes.iter().filter(|episode| episode.success).count();
    let steps: u64 = episodes
        .iter()
        .map(|episode| u64::from(episode.steps))
        .sum();
    let mean_interval = TTest::one_sample(&summary, 0.0)
        .map_or(Interval::point(summary.mean), |test| test.interval(TAIL));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn episodes(returns: &[f64]) -> Vec<Episode> {
        let episode = |(number, &total_reward): (u32, &f64)| Episode {
            episode_num: number,
            seed: u64::from(number),
            total_reward,
            steps: number + 1,
            success: total_reward > 0.0,
        };
        (0..).zip(returns).map(episode).collect()
    }

    #[test]
    fn a_summary_says_what_the_episodes_were() {
        let metrics = summarize(
            &episodes(&[-2.0, 0.0, 2.0, 4.0]),
            Some(&[3, 0, 3]),
            &[0.5, 0.25],
        );
        let expected = serde_json::json!({
            "mean_reward": 1.0, "std_reward": 5.0_f64.sqrt(), "min_reward": -2.0,
            "max_reward": 4.0, "success_rate": 0.5, "mean_steps": 2.5, "reward_variance": 5.0,
            "action_entropy": 2.0_f64.ln(),
            "iqm_reward": 1.0, "mean_reward_ci95": metrics.mean_reward_ci95,
            "iqm_reward_ci95": metrics.iqm_reward_ci95,
            "mean_loss": 0.375, "loss_trend": -0.25,
        });
        assert_eq!(serde_json::to_value(&metrics).unwrap(), expected);
        let interval = metrics.mean_reward_ci95.unwrap();
        assert!(interval.low < 1.0 && 1.0 < interval.high);
        assert_eq!(
            serde_json::from_value::<Metrics>(expected).unwrap(),
            metrics
        );
    }

    #[test]
    fn one_episode_has_no_intervals_and_what_was_not_measured_is_null() {
        let metrics = summarize(&episodes(&[7.0]), None, &[]);
        assert_eq!(
            (metrics.mean_reward, metrics.iqm_reward, metrics.std_reward),
            (7.0, 7.0, 0.0)
        );
        assert_eq!(
            (metrics.mean_reward_ci95, metrics.iqm_reward_ci95),
            (None, None)
        );
        assert_eq!(
            (
                metrics.action_entropy,
                metrics.mean_loss,
                metrics.loss_trend
            ),
            (None, None, None)
        );
    }

    #[test]
    fn equal_returns_are_their_own_mean_and_intervals_exactly() {
        let metrics = summarize(&episodes(&[0.1; 7]), None, &[]);
        assert_eq!((metrics.mean_reward, metrics.reward_variance), (0.1, 0.0));
        assert_eq!(metrics.mean_reward_ci95, Some(Interval::point(0.1)));
    }

    #[test]
    fn a_certain_action_has_no_entropy_and_no_action_has_none_to_speak_of() {
        let entropy =
            |counts: &[u64]| summarize(&episodes(&[1.0]), Some(counts), &[]).action_entropy;
        assert_eq!(entropy(&[0, 9]).map(f64::to_bits), Some(0.0_f64.to_bits()));
        assert_eq!(entropy(&[0, 0]), None);
    }

    #[test]
    fn the_loss_trend_looks_at_the_last_losses_only() {
        let mut losses = vec![100.0; 5];
        losses.extend((0..10_u32).map(|step| 2.0 * f64::from(step)));
        assert_eq!(
            summarize(&episodes(&[1.0]), None, &losses).loss_trend,
            Some(2.0)
        );
    }
}
