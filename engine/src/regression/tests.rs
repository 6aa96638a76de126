//! What verdicts, checks and reasons say in cases whose answer is plain.

mod checks;
mod extremes;
mod stopping;

use super::*;
use crate::episode::Episode;
use crate::metrics::summarize;

fn episodes(returns: &[f64]) -> Vec<Episode> {
    let episode = |(number, &total_reward): (u32, &f64)| Episode {
        episode_num: number,
        seed: 1_000 + u64::from(number),
        total_reward,
        steps: 10,
        success: total_reward >= 195.0,
    };
    (0..).zip(returns).map(episode).collect()
}

/// `n` returns that alternate around `mean`.
fn around(mean: f64, spread: f64, n: u32) -> Vec<f64> {
    (0..n)
        .map(|number| {
            if number % 2 == 0 {
                mean - spread
            } else {
                mean + spread
            }
        })
        .collect()
}

fn baseline(returns: &[f64]) -> Baseline {
    let episodes = episodes(returns);
    Baseline::of(&summarize(&episodes, None, &[]), &episodes)
}

/// Mean, spread and size alone.
fn summary(returns: &[f64]) -> Baseline {
    Baseline {
        returns: None,
        ..baseline(returns)
    }
}

fn judged_with(
    returns: &[f64],
    baseline: &Baseline,
    losses: &[f64],
    thresholds: &Thresholds,
) -> Regression {
    let episodes = episodes(returns);
    let candidate = Candidate {
        environment: "CartPole-v1",
        episodes: &episodes,
        metrics: &summarize(&episodes, None, losses),
        baseline,
        losses,
        stopping: None,
    };
    judge_one(&candidate, thresholds)
}

fn judged(returns: &[f64], baseline: &Baseline) -> Regression {
    judged_with(returns, baseline, &[], &Thresholds::default())
}

fn assert_finite(judged: &Regression) {
    // JSON writes what is not finite as null, which a number cannot be read back from.
    let text = serde_json::to_string(judged).unwrap();
    let read: Regression =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"));
    assert_eq!(&read, judged);
}

#[test]
fn the_same_agent_passes_whatever_is_known_of_the_baseline() {
    let varied = around(500.0, 20.0, 50);
    let constant = [500.0; 50];
    let cases = [
        (summary(&varied), varied.as_slice(), Test::Welch),
        (baseline(&varied), &varied, Test::PairedSign),
        (summary(&constant), &constant, Test::Exact),
        (baseline(&constant), &constant, Test::Exact),
    ];
    for (baseline, returns, test) in cases {
        let judged = judged(returns, &baseline);
        assert_eq!(
            (judged.verdict, judged.comparison.test),
            (Verdict::Pass, test),
            "{}",
            judged.reason
        );
        assert_eq!(
            (judged.severity, judged.should_rollback, judged.detected),
            (Severity::None, false, false)
        );
        assert_eq!(judged.failed_checks, []);
        assert_eq!(
            judged.comparison.reward_drop_pct.to_bits(),
            0.0_f64.to_bits()
        );
        assert_finite(&judged);
    }
}

#[test]
fn a_collapsed_agent_regresses_whatever_is_known_of_the_baseline() {
    let collapsed = around(100.0, 15.0, 50);
    for baseline in [
        summary(&around(500.0, 20.0, 50)),
        baseline(&around(500.0, 20.0, 50)),
        baseline(&around(500.0, 25.0, 60)),
        summary(&[500.0; 50]),
    ] {
        let judged = judged(&collapsed, &baseline);
        assert_eq!(
            (judged.verdict, judged.severity),
            (Verdict::Regression, Severity::Critical),
            "{}",
            judged.reason
        );
        assert!(judged.detected && judged.should_rollback);
        assert_eq!(
            judged.failed_checks,
            [CheckName::RewardDrop, CheckName::FailureRate]
        );
        // 0.4 · 80 % and 0.3 · 100 %; the variance does not exceed the squared margin.
        assert!(
            (judged.regression_score - 0.62).abs() < 1e-12,
            "{}",
            judged.regression_score
        );
        assert_finite(&judged);
    }
}

#[test]
fn negative_rewards_regress_downwards() {
    let baseline = summary(&around(-100.0, 10.0, 50));
    assert_eq!(
        judged(&around(-150.0, 10.0, 50), &baseline).verdict,
        Verdict::Regression
    );
    let better = judged(&around(-50.0, 10.0, 50), &baseline);
    assert_eq!(better.verdict, Verdict::Pass);
    assert!((better.comparison.reward_drop_pct + 0.5).abs() < 1e-12);
}

#[test]
fn a_proven_drop_within_the_margin_passes() {
    let judged = judged(&[480.0; 50], &summary(&[500.0; 50]));
    assert_eq!(judged.verdict, Verdict::Pass);
    assert!(judged.comparison.p_value.unwrap() < 1e-9);
    let beyond = judged_with(
        &[480.0; 50],
        &summary(&[500.0; 50]),
        &[],
        &Thresholds {
            reward_drop_pct: 0.03,
            ..Thresholds::default()
        },
    );
    assert_eq!(beyond.verdict, Verdict::Regression);
    assert_eq!(beyond.severity, Severity::Low, "4 % is a low drop");
}

#[test]
fn too_few_episodes_decide_nothing_and_say_how_many_would() {
    let judged = judged(&around(100.0, 50.0, 10), &summary(&around(100.0, 50.0, 10)));
    assert_eq!(judged.verdict, Verdict::Inconclusive);
    // 2 · (2.49 · 52.7 / 10)²
    assert_eq!(judged.comparison.episodes_needed, Some(344));
    assert!(
        judged.reason.contains("about 344 episodes per side"),
        "{}",
        judged.reason
    );
}

#[test]
fn equal_seeds_find_what_independent_episodes_cannot() {
    let kept: Vec<f64> = (0..20_u32)
        .map(|number| -400.0 + 37.0 * f64::from(number))
        .collect();
    let lower: Vec<f64> = (0_u32..)
        .zip(&kept)
        .map(|(number, value)| value - 20.0 - f64::from(number % 3))
        .collect();
    assert_eq!(
        judged(&lower, &summary(&kept)).verdict,
        Verdict::Inconclusive
    );
    let paired = judged(&lower, &baseline(&kept));
    assert_eq!(
        (paired.verdict, paired.comparison.test),
        (Verdict::Regression, Test::PairedT)
    );
}

#[test]
fn seeds_are_matched_in_any_order_and_only_if_all_of_them_are_known() {
    let kept = around(100.0, 30.0, 8);
    let mut shuffled = baseline(&kept);
    shuffled.returns.as_mut().unwrap().reverse();
    let part = judged(&kept[..5], &shuffled);
    assert_eq!(
        (part.comparison.test, part.comparison.n_baseline),
        (Test::PairedSign, 5)
    );
    assert_eq!(part.comparison.difference.to_bits(), 0.0_f64.to_bits());
    shuffled.returns.as_mut().unwrap()[3].seed = 0;
    assert_eq!(judged(&kept, &shuffled).comparison.test, Test::Welch);
}

#[test]
fn equal_differences_are_judged_by_their_signs() {
    let kept = around(100.0, 30.0, 5);
    let lower: Vec<f64> = kept.iter().map(|value| value - 15.0).collect();
    let five = judged(&lower, &baseline(&kept));
    assert_eq!(
        (five.comparison.p_value, five.verdict),
        (Some(1.0 / 32.0), Verdict::Regression)
    );
    let four = judged(&lower[..4], &baseline(&kept));
    assert_eq!(
        (four.comparison.p_value, four.verdict),
        (Some(1.0 / 16.0), Verdict::Inconclusive)
    );
    let higher: Vec<f64> = kept.iter().map(|value| value + 15.0).collect();
    assert_eq!(
        judged(&higher, &baseline(&kept)).comparison.p_value,
        Some(1.0)
    );
}

#[test]
fn a_constant_baseline_is_compared_exactly() {
    let mut returns = [500.0; 20];
    returns[..6].fill(100.0);
    let judged = judged(&returns, &summary(&[500.0; 20]));
    assert_eq!(
        (judged.verdict, judged.comparison.test),
        (Verdict::Regression, Test::Exact)
    );
    // Fisher: C(20, 6) / C(40, 6), which is more than the t test's p-value of 0.0037.
    let fisher = 38_760.0 / 3_838_380.0;
    assert!((judged.comparison.p_value.unwrap() - fisher).abs() < 1e-12);
}

#[test]
fn a_candidate_that_merely_varies_around_a_constant_baseline_is_not_accused() {
    let judged = judged(&around(498.0, 200.0, 20), &summary(&[500.0; 20]));
    assert_eq!(judged.verdict, Verdict::Inconclusive);
    assert!(judged.comparison.p_value.unwrap() > 0.4);
}

#[test]
fn more_environments_need_more_evidence_each() {
    let episodes = episodes(&[100.0, 104.0, 92.0, 99.0, 107.0, 95.0]);
    let metrics = summarize(&episodes, None, &[]);
    let baseline = summary(&[100.0, 125.0, 117.0, 108.0, 111.0, 126.0]);
    let candidate = Candidate {
        environment: "CartPole-v1",
        episodes: &episodes,
        metrics: &metrics,
        baseline: &baseline,
        losses: &[],
        stopping: None,
    };
    let alone = judge_one(&candidate, &Thresholds::default());
    assert_eq!(alone.verdict, Verdict::Regression);
    let among = judge(&[candidate; 16], &Thresholds::default());
    assert_eq!(among.len(), 16);
    assert_eq!(among[0].verdict, Verdict::Inconclusive);
    assert_eq!(among[0].comparison.p_value, alone.comparison.p_value);
    assert!(
        (among[0].comparison.p_adjusted.unwrap() - 16.0 * alone.comparison.p_value.unwrap()).abs()
            < 1e-12
    );
    assert_eq!(judge(&[], &Thresholds::default()), []);
}
