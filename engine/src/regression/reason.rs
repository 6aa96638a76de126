//! The verdict and its grounds in one sentence that a person can act on.

use super::candidate::Candidate;
use super::checks::{Check, CheckName};
use super::comparison::Comparison;
use super::evidence::Test;
use super::thresholds::Thresholds;
use super::verdict::Verdict;
use crate::statistics::Interval;
use crate::statistics::proportion::clopper_pearson_upper;

pub(super) fn write(
    candidate: &Candidate<'_>,
    comparison: &Comparison,
    verdict: Verdict,
    checks: &[Check],
    thresholds: &Thresholds,
) -> String {
    let environment = candidate.environment;
    let Some(interval) = comparison.interval else {
        return format!(
            "{environment} cannot be compared: {}",
            why_untested(candidate, comparison)
        );
    };
    let means = means(comparison);
    let margin = percent(thresholds.reward_drop_pct);
    let confidence = percent(1.0 - thresholds.alpha);
    let test = format!(
        "{}, {} against {} episodes{}",
        test(comparison.test),
        comparison.n,
        comparison.n_baseline,
        stopping(comparison)
    );
    let bound = format!(
        "lower bound {} of the difference, margin {}; {test}",
        number(interval.low),
        number(comparison.margin)
    );
    let p_value = p_value(comparison);
    match verdict {
        Verdict::Pass if is_unvaried(comparison, interval) => {
            let share = percent(clopper_pearson_upper(0, comparison.n, thresholds.alpha));
            format!(
                "{environment} passes: {means}; no episode differed from the others, and that \
                 more than {share} of all episodes do is ruled out at {confidence} ({bound})"
            )
        }
        Verdict::Pass => {
            format!(
                "{environment} passes: {means}, and a drop of {margin} is ruled out at \
                 {confidence} ({bound})"
            )
        }
        Verdict::Regression => {
            format!(
                "{environment} regressed: {means}, which is more than chance explains ({p_value}; \
                 {bound})"
            )
        }
        Verdict::Inconclusive if comparison.is_non_inferior() => format!(
            "{environment} is undecided: {means}, and a drop of {margin} is ruled out at \
             {confidence} ({bound}), but {}",
            objections(checks)
        ),
        Verdict::Inconclusive => format!(
            "{environment} is undecided: {means}, which chance may explain ({p_value}), but a \
             drop of {margin} is not ruled out at {confidence} ({bound}); {}",
            advice(comparison, interval)
        ),
    }
}

fn why_untested(candidate: &Candidate<'_>, comparison: &Comparison) -> String {
    match candidate.baseline.check_bounds() {
        Err(invalid) => format!("in its baseline, {invalid}"),
        Ok(()) if comparison.n < 2 || comparison.n_baseline < 2 => format!(
            "either side needs two episodes or more to show its spread, and there are {} against \
             {}",
            comparison.n, comparison.n_baseline
        ),
        Ok(()) => "its rewards are not finite numbers".to_owned(),
    }
}

fn means(comparison: &Comparison) -> String {
    let change = if comparison.reward_drop_pct == 0.0 {
        "unchanged".to_owned()
    } else {
        let direction = if comparison.reward_drop_pct > 0.0 {
            "down"
        } else {
            "up"
        };
        format!("{direction} {}", percent(comparison.reward_drop_pct.abs()))
    };
    let mean = comparison.baseline_mean + comparison.difference;
    format!(
        "mean reward {} against the baseline's {} ({change})",
        number(mean),
        number(comparison.baseline_mean)
    )
}

/// Whether every difference was the same: nothing above the estimate is uncertain then. Such a
/// sample knows nothing of the size of rare losses, but bounds their frequency.
fn is_unvaried(comparison: &Comparison, interval: Interval) -> bool {
    interval.high <= comparison.difference
}

fn advice(comparison: &Comparison, interval: Interval) -> String {
    match comparison.episodes_needed {
        Some(needed) if needed > comparison.n.min(comparison.n_baseline) => {
            format!("about {needed} episodes per side would tell")
        }
        Some(_) => "the drop is too close to the margin to tell with these episodes".to_owned(),
        None if is_unvaried(comparison, interval) => "more episodes would tell".to_owned(),
        None => {
            "with returns that vary so much no feasible number of episodes would tell".to_owned()
        }
    }
}

fn objections(checks: &[Check]) -> String {
    let describe = |check: &Check| {
        let (observed, threshold) = (check.observed, check.threshold);
        match check.name {
            CheckName::RewardDrop => None,
            CheckName::FailureRate => Some(format!(
                "the failure rate rose by {} (up to {} is tolerated)",
                percent(observed),
                percent(threshold)
            )),
            CheckName::Variance => Some(format!(
                "the variance is {} times the baseline's (up to {} is tolerated)",
                number(observed),
                number(threshold)
            )),
            CheckName::LossTrend => Some(format!(
                "the loss rose by {} over its last values (chance explains {})",
                percent(observed),
                percent(threshold)
            )),
        }
    };
    let failed = checks.iter().filter(|check| check.failed);
    failed
        .filter_map(describe)
        .collect::<Vec<_>>()
        .join(", and ")
}

fn test(test: Test) -> &'static str {
    match test {
        Test::PairedT => "paired t on equal seeds",
        Test::PairedSign => "sign test on equal seeds",
        Test::Welch => "Welch's t",
        Test::Exact => "exact test against a constant baseline",
        Test::Betting => "betting on pairs",
        Test::None => "no test",
    }
}

/// How an early stop came about, or why there was none.
fn stopping(comparison: &Comparison) -> String {
    let Some(test) = &comparison.sequential else {
        return String::new();
    };
    match &test.unable {
        Some(why) => format!("; no early stop, because {why}"),
        None if test.stopped_early => format!(
            "; stopped after {} of {} episodes",
            test.episodes_used, test.episodes_planned
        ),
        None => {
            "; no early stop was safe, and looking for one took half of the error rate".to_owned()
        }
    }
}

fn percent(share: f64) -> String {
    format!("{} %", decimal(100.0 * share))
}

/// As it was judged: adjusted for the other environments of the job.
fn p_value(comparison: &Comparison) -> String {
    match comparison.p_adjusted {
        Some(p_value) if p_value >= 0.0001 => format!("p = {p_value:.4}"),
        Some(_) => "p < 0.0001".to_owned(),
        None => "no p-value".to_owned(),
    }
}

/// Two decimals, or three significant digits where that would hide the number or spell out a very
/// long one.
fn number(value: f64) -> String {
    if value == 0.0 || (0.01..1e9).contains(&value.abs()) {
        format!("{value:.2}")
    } else {
        format!("{value:.2e}")
    }
}

/// One decimal at most.
fn decimal(value: f64) -> String {
    let rounded = format!("{value:.1}");
    rounded
        .strip_suffix(".0")
        .map_or(rounded.clone(), str::to_owned)
}
