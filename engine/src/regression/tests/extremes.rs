//! Samples and baselines at the edge of what can be computed.

use super::*;

#[test]
fn a_single_episode_on_either_side_is_never_enough() {
    let (one, many) = ([500.0], [500.0; 20]);
    for (returns, kept) in [
        (one.as_slice(), many.as_slice()),
        (&many, &one),
        (&one, &one),
    ] {
        for baseline in [baseline(kept), summary(kept)] {
            let judged = judged(returns, &baseline);
            assert_eq!(
                (judged.verdict, judged.comparison.test),
                (Verdict::Inconclusive, Test::None)
            );
            assert_eq!(
                (judged.comparison.interval, judged.comparison.p_value),
                (None, None)
            );
            assert!(
                judged.reason.contains("two episodes or more"),
                "{}",
                judged.reason
            );
            assert_finite(&judged);
        }
    }
}

#[test]
fn a_pass_without_any_variation_says_what_it_cannot_know() {
    let judged = judged(&[500.0; 50], &summary(&[500.0; 100]));
    assert!(
        judged.reason.contains("more than 5.8 % of all episodes"),
        "{}",
        judged.reason
    );
}

#[test]
fn a_handful_without_any_variation_is_no_pass() {
    let kept = baseline(&around(500.0, 20.0, 100));
    for n in 2..=30 {
        // The same returns on the same seeds: no difference varies.
        let same = judged(&around(500.0, 20.0, n), &kept);
        let expected = if n < 5 {
            Verdict::Inconclusive
        } else {
            Verdict::Pass
        };
        assert_eq!(
            (same.verdict, same.comparison.test),
            (expected, Test::PairedSign),
            "{n} episodes: {}",
            same.reason
        );
        let constant = judged(&vec![500.0; n as usize], &summary(&vec![500.0; n as usize]));
        let expected = if n < 3 {
            Verdict::Inconclusive
        } else {
            Verdict::Pass
        };
        assert_eq!(
            (constant.verdict, constant.comparison.test),
            (expected, Test::Exact),
            "{n} episodes"
        );
        assert_finite(&constant);
    }
}

#[test]
fn rewards_around_zero_have_a_scale() {
    let spread = judged(&around(0.0, 2.0, 40), &summary(&around(0.0, 2.0, 40)));
    assert!(
        (spread.comparison.margin - 0.2).abs() < 1e-12,
        "of the standard deviation"
    );
    let nothing = judged(&[0.0; 40], &summary(&[0.0; 40]));
    assert_eq!(
        (nothing.verdict, nothing.comparison.margin),
        (Verdict::Pass, 0.1)
    );
    let below = judged(&[-1e-3; 40], &summary(&[0.0; 40]));
    for judged in [spread, nothing, below] {
        assert_finite(&judged);
    }
}

#[test]
fn rounding_is_not_variation() {
    let rounded: Vec<f64> = (0..20_u32)
        .map(|number| 0.1 + f64::from(number % 2) * 1e-17)
        .collect();
    let noisy: Vec<f64> = (0..20_u32)
        .map(|number| 0.1 * (1.0 + f64::from(number % 3) * 2e-16))
        .collect();
    let judged = judged(&noisy, &summary(&rounded));
    assert_eq!(
        (judged.verdict, judged.comparison.p_value),
        (Verdict::Pass, Some(1.0))
    );
}

#[test]
fn hostile_baselines_never_make_a_number_that_is_not_finite() {
    let good = baseline(&around(500.0, 20.0, 4));
    let extreme = [
        0.0,
        -0.0,
        1e-320,
        1e-300,
        1e-30,
        1e-9,
        1.0,
        1e12,
        -1e12,
        1e300,
        f64::MAX,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    for mean_reward in extreme {
        for std_reward in extreme {
            for returns in [None, good.returns.clone()] {
                for n in [0, 1, 2, 1_000_000, u32::MAX] {
                    let baseline = Baseline {
                        mean_reward,
                        std_reward,
                        n,
                        returns: returns.clone(),
                        ..good.clone()
                    };
                    for candidate in [
                        &[0.0; 3][..],
                        &[-1e12, 1e12, 5.0],
                        &[1e-300, 0.0, 0.0],
                        &around(480.0, 20.0, 4),
                    ] {
                        assert_finite(&judged(candidate, &baseline));
                    }
                }
            }
        }
    }
}
