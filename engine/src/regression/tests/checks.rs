//! What the named checks do to verdict, score and severity.

use super::*;

#[test]
fn a_pass_does_not_survive_a_failed_secondary_check() {
    // The mean stays, but every second episode now misses the success rule's 195.
    let failing = judged(&around(200.0, 6.0, 100), &summary(&[200.0; 100]));
    assert_eq!(
        (failing.verdict, failing.failed_checks.as_slice()),
        (Verdict::Inconclusive, [CheckName::FailureRate].as_slice())
    );
    assert!(
        failing.reason.contains("the failure rate rose by 50 %"),
        "{}",
        failing.reason
    );
    assert_eq!(failing.severity, Severity::None);

    let varying = judged(
        &around(500.0, 100.0, 100),
        &summary(&around(500.0, 10.0, 100)),
    );
    assert_eq!(
        (varying.verdict, varying.failed_checks.as_slice()),
        (Verdict::Inconclusive, [CheckName::Variance].as_slice())
    );
    assert!(
        varying.reason.contains("times the baseline's"),
        "{}",
        varying.reason
    );
}

#[test]
fn a_proven_improvement_may_vary() {
    let judged = judged(
        &around(700.0, 100.0, 100),
        &summary(&around(500.0, 10.0, 100)),
    );
    assert_eq!(
        (judged.verdict, judged.failed_checks.as_slice()),
        (Verdict::Pass, [CheckName::Variance].as_slice())
    );
}

#[test]
fn losses_that_rise_beyond_their_noise_fail_the_trend() {
    let baseline = summary(&[500.0; 50]);
    let trend =
        |losses: &[f64]| judged_with(&[500.0; 50], &baseline, losses, &Thresholds::default());
    let rising: Vec<f64> = (0..10_u32)
        .map(|step| 1.0 + 0.1 * f64::from(step))
        .collect();
    let judged = trend(&rising);
    assert_eq!(
        (judged.verdict, judged.failed_checks.as_slice()),
        (Verdict::Inconclusive, [CheckName::LossTrend].as_slice())
    );
    assert!((judged.regression_score - 0.1 * 0.9 / 1.45).abs() < 1e-12);
    for harmless in [
        &[1.0; 10][..],
        &[1.0, 1.3, 0.8, 1.2, 0.9, 1.1, 1.4, 0.7, 1.0, 1.2],
        &[2.0, 1.0, 0.5],
        &[0.0; 5],
    ] {
        assert_eq!(trend(harmless).verdict, Verdict::Pass, "{harmless:?}");
    }
    assert_eq!(
        trend(&[1.0, 2.0]).checks.len(),
        3,
        "two losses make no trend"
    );
    let mut late = vec![9.0; 20];
    late.extend(&rising);
    assert_eq!(
        trend(&late).failed_checks,
        [CheckName::LossTrend],
        "only the window counts"
    );
}

#[test]
fn severities_follow_the_largest_of_their_three_grounds() {
    let severity = |candidate: f64| {
        let thresholds = Thresholds {
            reward_drop_pct: 0.01,
            ..Thresholds::default()
        };
        judged_with(&[candidate; 30], &summary(&[1_000.0; 30]), &[], &thresholds).severity
    };
    assert_eq!(
        [980.0, 940.0, 880.0, 700.0].map(severity),
        [
            Severity::Low,
            Severity::Medium,
            Severity::High,
            Severity::Critical
        ]
    );
}

#[test]
fn names_are_the_same_in_code_and_json() {
    let text = |value: serde_json::Value| value.as_str().unwrap().to_owned();
    for verdict in [Verdict::Pass, Verdict::Regression, Verdict::Inconclusive] {
        assert_eq!(
            text(serde_json::to_value(verdict).unwrap()),
            verdict.as_str()
        );
    }
    for severity in [
        Severity::None,
        Severity::Low,
        Severity::Medium,
        Severity::High,
        Severity::Critical,
    ] {
        assert_eq!(
            text(serde_json::to_value(severity).unwrap()),
            severity.as_str()
        );
    }
    for check in [
        CheckName::RewardDrop,
        CheckName::FailureRate,
        CheckName::Variance,
        CheckName::LossTrend,
    ] {
        assert_eq!(text(serde_json::to_value(check).unwrap()), check.as_str());
    }
}
