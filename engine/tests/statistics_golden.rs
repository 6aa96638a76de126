//! Proves that the engine's statistics are those of SciPy, rliable and statsmodels, to nine digits.
//!
//! `golden/verdicts.py` says what is compared and computes it.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tars_engine::episode::Episode;
use tars_engine::metrics::summarize;
use tars_engine::statistics::bootstrap::{interquartile_mean, interquartile_mean_interval};
use tars_engine::statistics::line::Line;
use tars_engine::statistics::proportion::{clopper_pearson_upper, fisher_all_in_first};
use tars_engine::statistics::student_t::{upper_quantile, upper_tail};
use tars_engine::statistics::t_test::TTest;
use tars_engine::statistics::{Interval, Summary, entropy, holm};

/// Relative to the larger of both numbers, or to `scale` where the number is a difference of larger
/// ones.
const TOLERANCE: f64 = 1e-9;

fn golden<T: DeserializeOwned>(section: &str) -> Vec<T> {
    let mut sections: serde_json::Value =
        serde_json::from_str(include_str!("../golden/verdicts.json"))
            .expect("the golden file is JSON");
    let cases: Vec<T> = serde_json::from_value(sections[section].take())
        .expect("the cases have the expected fields");
    assert!(!cases.is_empty(), "{section} has cases");
    cases
}

#[track_caller]
fn assert_close(actual: f64, expected: f64, scale: f64, what: &str) {
    let tolerance = TOLERANCE * expected.abs().max(scale);
    assert!(
        (actual - expected).abs() <= tolerance,
        "{what}: {actual} instead of {expected}"
    );
}

#[track_caller]
fn assert_same_interval(actual: Interval, expected: Interval, what: &str) {
    let scale = expected.low.abs().max(expected.high.abs());
    assert_close(actual.low, expected.low, scale, what);
    assert_close(actual.high, expected.high, scale, what);
}

#[derive(Deserialize)]
struct GoldenSummary {
    n: u32,
    mean: f64,
    population_variance: f64,
}

impl GoldenSummary {
    fn summary(&self) -> Summary {
        Summary {
            n: self.n,
            mean: self.mean,
            population_variance: self.population_variance,
        }
    }
}

#[derive(Deserialize)]
struct Sample {
    name: String,
    values: Vec<f64>,
    summary: GoldenSummary,
    mean_interval: Interval,
    iqm: f64,
    iqm_interval: Interval,
    slope: f64,
    slope_error: Option<f64>,
}

#[test]
fn interquartile_means_are_rliables_and_their_intervals_scipys() {
    for sample in golden::<Sample>("sample") {
        let iqm = interquartile_mean(&sample.values).unwrap();
        assert_close(iqm, sample.iqm, 0.0, &sample.name);
        let interval = interquartile_mean_interval(&sample.values).unwrap();
        assert_same_interval(interval, sample.iqm_interval, &sample.name);
    }
}

#[test]
fn slopes_and_their_errors_are_scipys() {
    for sample in golden::<Sample>("sample") {
        let line = Line::fit(&sample.values).unwrap();
        let scale = sample.slope_error.unwrap_or(0.0);
        assert_close(line.slope, sample.slope, scale, &sample.name);
        assert_eq!(
            line.standard_error.is_some(),
            sample.slope_error.is_some(),
            "{}",
            sample.name
        );
        if let Some((actual, expected)) = line.standard_error.zip(sample.slope_error) {
            assert_close(actual, expected, 0.0, &sample.name);
        }
    }
}

#[test]
fn a_summary_of_episodes_has_scipys_numbers() {
    for sample in golden::<Sample>("sample") {
        let episodes: Vec<_> = (0_u32..)
            .zip(&sample.values)
            .map(|(number, &value)| episode(number, value))
            .collect();
        let metrics = summarize(
            &episodes,
            None,
            &sample.values[..sample.values.len().min(10)],
        );
        let std = sample.summary.population_variance.sqrt();
        assert_close(metrics.mean_reward, sample.summary.mean, std, &sample.name);
        assert_close(metrics.std_reward, std, 0.0, &sample.name);
        assert_close(
            metrics.reward_variance,
            sample.summary.population_variance,
            0.0,
            &sample.name,
        );
        assert_close(metrics.iqm_reward, sample.iqm, 0.0, &sample.name);
        assert_same_interval(
            metrics.mean_reward_ci95.unwrap(),
            sample.mean_interval,
            &sample.name,
        );
        assert_same_interval(
            metrics.iqm_reward_ci95.unwrap(),
            sample.iqm_interval,
            &sample.name,
        );
        if sample.values.len() <= 10 {
            assert_close(metrics.loss_trend.unwrap(), sample.slope, 0.0, &sample.name);
            assert_close(
                metrics.mean_loss.unwrap(),
                sample.summary.mean,
                std,
                &sample.name,
            );
        }
    }
}

fn episode(number: u32, total_reward: f64) -> Episode {
    Episode {
        episode_num: number,
        seed: u64::from(number),
        total_reward,
        steps: 1,
        success: false,
    }
}

#[derive(Deserialize)]
struct StudentT {
    freedom: f64,
    tails: Vec<Tail>,
    quantiles: Vec<Tail>,
}

#[derive(Deserialize)]
struct Tail {
    t: f64,
    tail: f64,
}

#[test]
fn tails_of_students_t_are_scipys() {
    for StudentT { freedom, tails, .. } in golden("t") {
        for Tail { t, tail } in tails {
            // Below, a number is zero for every purpose of ours.
            assert_close(
                upper_tail(t, freedom),
                tail,
                1e-100,
                &format!("P(T > {t}), {freedom} degrees of freedom"),
            );
        }
    }
}

#[test]
fn quantiles_of_students_t_are_scipys() {
    for StudentT {
        freedom, quantiles, ..
    } in golden("t")
    {
        for Tail { t, tail } in quantiles {
            let quantile = upper_quantile(tail, freedom);
            assert_close(
                quantile,
                t,
                0.0,
                &format!("quantile of {tail}, {freedom} degrees of freedom"),
            );
        }
    }
}

#[derive(Deserialize)]
struct Welch {
    candidate: GoldenSummary,
    reference: GoldenSummary,
    freedom: f64,
    p_worse: f64,
    interval: Interval,
}

#[test]
fn welchs_test_is_scipys() {
    for (case, welch) in golden::<Welch>("welch").into_iter().enumerate() {
        let test = TTest::welch(&welch.candidate.summary(), &welch.reference.summary()).unwrap();
        assert_close(
            test.freedom,
            welch.freedom,
            0.0,
            &format!("freedom of case {case}"),
        );
        assert_close(
            test.p_worse(),
            welch.p_worse,
            0.0,
            &format!("p-value of case {case}"),
        );
        assert_same_interval(
            test.interval(0.05),
            welch.interval,
            &format!("interval of case {case}"),
        );
    }
}

#[derive(Deserialize)]
struct Paired {
    name: String,
    differences: Vec<f64>,
    p_worse: f64,
    interval: Interval,
}

#[test]
fn the_paired_test_is_scipys() {
    for paired in golden::<Paired>("paired") {
        let test =
            TTest::one_sample(&Summary::of(paired.differences.iter().copied()), 0.0).unwrap();
        assert_close(test.p_worse(), paired.p_worse, 0.0, &paired.name);
        assert_same_interval(test.interval(0.05), paired.interval, &paired.name);
    }
}

#[derive(Deserialize)]
struct Proportion {
    cases: u32,
    first: u32,
    second: u32,
    fisher: f64,
    upper: Vec<Bound>,
}

#[derive(Deserialize)]
struct Bound {
    tail: f64,
    share: f64,
}

#[test]
fn exact_tests_and_bounds_of_proportions_are_scipys() {
    for Proportion {
        cases,
        first,
        second,
        fisher,
        upper,
    } in golden("proportion")
    {
        let what = format!("{cases} of {first} against 0 of {second}");
        assert_close(
            fisher_all_in_first(cases, first, second),
            fisher,
            1e-300,
            &what,
        );
        for Bound { tail, share } in upper {
            assert_close(clopper_pearson_upper(cases, first, tail), share, 0.0, &what);
        }
    }
}

#[derive(Deserialize)]
struct Holm {
    raw: Vec<f64>,
    adjusted: Vec<f64>,
}

#[test]
fn holms_adjustment_is_statsmodels() {
    for Holm { raw, adjusted } in golden("holm") {
        for (actual, expected) in holm(&raw).into_iter().zip(adjusted) {
            assert_close(actual, expected, 0.0, &format!("{raw:?}"));
        }
    }
}

#[derive(Deserialize)]
struct Entropy {
    counts: Vec<u64>,
    entropy: f64,
}

#[test]
fn entropy_is_scipys() {
    for Entropy {
        counts,
        entropy: expected,
    } in golden("entropy")
    {
        assert_close(
            entropy(&counts).unwrap(),
            expected,
            0.0,
            &format!("{counts:?}"),
        );
    }
}
