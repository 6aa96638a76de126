//! When a verdict is safe early, and what is said of it.

use std::ops::ControlFlow;

use super::*;
use crate::catalogue::return_bounds;
use crate::rollout::StoppingRule as _;

fn stopping(environments: u32) -> Stopping {
    Stopping {
        seed: 1_000,
        episodes: 100,
        environments,
        bounds: return_bounds("CartPole-v1"),
    }
}

/// Runs until a verdict is safe, and gives it with the number of episodes.
fn stopped(returns: &[f64], baseline: &Baseline, stopping: Stopping) -> (Regression, usize) {
    let episodes = episodes(returns);
    let thresholds = Thresholds::default();
    let used = match Sequential::new(baseline, &[], stopping, &thresholds) {
        Ok(mut rule) => episodes
            .iter()
            .position(|episode| rule.observe(episode) == ControlFlow::Break(()))
            .map_or(episodes.len(), |last| last + 1),
        Err(_) => episodes.len(),
    };
    let candidate = Candidate {
        environment: "CartPole-v1",
        episodes: &episodes[..used],
        metrics: &summarize(&episodes[..used], None, &[]),
        baseline,
        losses: &[],
        stopping: Some(stopping),
    };
    (judge_one(&candidate, &thresholds), used)
}

#[test]
fn a_collapse_is_told_after_some_episodes_and_the_answer_says_how() {
    let baseline = baseline(&around(450.0, 30.0, 100));
    let (judged, used) = stopped(&around(60.0, 20.0, 100), &baseline, stopping(1));
    assert_eq!(
        (judged.verdict, judged.severity),
        (Verdict::Regression, Severity::Critical)
    );
    assert!((5..20).contains(&used), "{used}");
    let comparison = &judged.comparison;
    let test = comparison.sequential.as_ref().unwrap();
    assert_eq!(comparison.test, Test::Betting);
    assert!(test.stopped_early);
    assert_eq!(
        (test.episodes_used as usize, test.episodes_planned),
        (used, 100)
    );
    assert_eq!(test.interval, comparison.interval);
    let interval = comparison.interval.unwrap();
    assert!(
        interval.low < comparison.difference && comparison.difference < interval.high,
        "{interval:?}"
    );
    assert!(interval.high < 0.0, "{interval:?}");
    let said = format!("stopped after {used} of 100 episodes");
    assert!(judged.reason.contains(&said), "{}", judged.reason);
    assert_finite(&judged);
}

#[test]
fn the_same_agent_passes_as_soon_as_rare_collapses_are_ruled_out() {
    let returns = [500.0; 100];
    let (judged, used) = stopped(&returns, &baseline(&returns), stopping(1));
    assert_eq!(judged.verdict, Verdict::Pass, "{}", judged.reason);
    // 36 episodes: 0.9³⁵ > 2.5 % > 0.9³⁶, so that a tenth of them collapses is not ruled out before.
    assert_eq!(used, 36);
}

/// Its first environments must be told apart from chance at a smaller level.
#[test]
fn more_environments_need_more_evidence_of_a_regression_and_no_more_of_a_pass() {
    let constant = [500.0; 100];
    let known = baseline(&constant);
    let passes = [1, 16].map(|environments| stopped(&constant, &known, stopping(environments)).1);
    assert_eq!(passes[0], passes[1]);
    let worse = around(100.0, 20.0, 100);
    let [one, many] = [1, 16].map(|environments| stopped(&worse, &known, stopping(environments)).1);
    assert!(many > one, "{many} against {one}");
}

/// Worse, but by less than the margin: that may still turn out to be a pass.
#[test]
fn a_loss_within_the_margin_is_no_reason_to_stop() {
    let known = baseline(&around(400.0, 1.0, 100));
    let (judged, used) = stopped(&around(390.0, 1.5, 100), &known, stopping(1));
    assert_eq!(judged.verdict, Verdict::Pass, "{}", judged.reason);
    let test = judged.comparison.sequential.unwrap();
    assert!(test.p_value.is_some_and(|p_value| p_value < 0.1));
    assert!(used > 36, "{used}");
}

#[test]
fn a_check_that_objects_keeps_a_pass_from_being_safe() {
    let known = baseline(&[500.0; 100]);
    let episodes = episodes(&[500.0; 100]);
    let losses: Vec<f64> = (1..20).map(f64::from).collect();
    let mut rule = Sequential::new(&known, &losses, stopping(1), &Thresholds::default()).unwrap();
    let undecided = |episode| rule.observe(episode) == ControlFlow::Continue(());
    assert!(episodes.iter().all(undecided));
}

#[test]
fn without_returns_of_the_baseline_or_bounds_every_episode_runs_at_the_whole_level() {
    let worse = around(100.0, 20.0, 100);
    let known = around(450.0, 30.0, 100);
    let unbounded = Stopping {
        bounds: None,
        ..stopping(1)
    };
    let cases = [
        (summary(&known), stopping(1), "does not keep the returns"),
        (baseline(&known), unbounded, "bounds"),
    ];
    for (baseline, stopping, why) in cases {
        let (judged, used) = stopped(&worse, &baseline, stopping);
        assert_eq!((judged.verdict, used), (Verdict::Regression, 100));
        let all = self::judged(&worse, &baseline);
        assert_eq!(judged.comparison.p_value, all.comparison.p_value);
        assert_eq!(judged.comparison.interval, all.comparison.interval);
        assert!(judged.reason.contains(why), "{}", judged.reason);
        assert_finite(&judged);
    }
}

/// What both tests may find by chance adds up to α.
#[test]
fn with_all_episodes_each_test_has_half_of_the_level() {
    let known = baseline(&around(100.0, 40.0, 100));
    let returns: Vec<f64> = (0..100_u32)
        .map(|number| 96.0 + 40.0 * f64::from(number * 37 % 11) / 5.0 - 40.0)
        .collect();
    let (halved, used) = stopped(&returns, &known, stopping(1));
    assert_eq!(used, 100);
    let whole = judged(&returns, &known);
    let (halved, whole) = (halved.comparison, whole.comparison);
    let twice = 2.0 * whole.p_value.unwrap();
    assert!((halved.p_value.unwrap() - twice.min(1.0)).abs() < 1e-12);
    assert!(halved.interval.unwrap().low < whole.interval.unwrap().low);
    assert!(!halved.sequential.unwrap().stopped_early);
}

/// Seeds in common make pairs, the others are paired as they come, and none is used twice.
#[test]
fn episodes_are_paired_by_seed_and_then_in_order() {
    let mut known = baseline(&[500.0; 3]);
    for (kept, seed) in known.returns.iter_mut().flatten().zip([1_001, 7, 1_050]) {
        kept.seed = seed;
    }
    let (judged, _) = stopped(&[500.0; 100], &known, stopping(1));
    assert_eq!(judged.comparison.sequential.unwrap().pairs, 3);
}
