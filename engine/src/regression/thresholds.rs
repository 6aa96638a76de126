//! When a difference counts.

use super::invalid_value::InvalidValue;
use crate::metrics::LOSS_TREND_WINDOW;

/// Below this a mean counts as zero, and cannot be what a drop is relative to.
pub(super) const LEAST_SCALE: f64 = 1e-9;

/// When a difference counts. Each field is an option of the service; [`check`](Self::check) names
/// it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// `EVAL_FAILURE_RATE`: by how much the failure rate may exceed the baseline's, from 0 to 1.
    pub failure_rate: f64,
    /// `EVAL_REWARD_DROP_PCT`: the margin, the drop of the mean reward that may be tolerated,
    /// relative to the baseline's mean; from 0.000001 to 1.
    pub reward_drop_pct: f64,
    /// `EVAL_VARIANCE_MULTIPLIER`: by what factor the variance may exceed the baseline's, from 1 to
    /// a million.
    pub variance_multiplier: f64,
    /// `EVAL_LOSS_TREND_WINDOW`: how many of the last losses the trend looks at, from 3 to a
    /// million.
    pub loss_trend_window: usize,
    /// `EVAL_ALPHA`: the share of false verdicts that is accepted, from a millionth to 0.25.
    pub alpha: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            failure_rate: 0.15,
            reward_drop_pct: 0.10,
            variance_multiplier: 2.5,
            loss_trend_window: LOSS_TREND_WINDOW,
            alpha: 0.05,
        }
    }
}

impl Thresholds {
    /// Whether each threshold is within its bounds; the error names the first option that is not.
    pub fn check(&self) -> Result<(), InvalidValue> {
        within("EVAL_FAILURE_RATE", self.failure_rate, 0.0, 1.0)?;
        within("EVAL_REWARD_DROP_PCT", self.reward_drop_pct, 1e-6, 1.0)?;
        within(
            "EVAL_VARIANCE_MULTIPLIER",
            self.variance_multiplier,
            1.0,
            1e6,
        )?;
        within(
            "EVAL_LOSS_TREND_WINDOW",
            self.loss_trend_window as f64,
            3.0,
            1e6,
        )?;
        within("EVAL_ALPHA", self.alpha, 1e-6, 0.25)
    }
}

/// Whether a value is a number from `low` to `high`.
pub(super) fn within(
    field: &'static str,
    value: f64,
    low: f64,
    high: f64,
) -> Result<(), InvalidValue> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    let message = format!("must be from {low} to {high}, and is {value}");
    Err(InvalidValue { field, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_threshold_is_refused_by_the_name_of_its_option() {
        let good = Thresholds::default();
        assert_eq!(good.check(), Ok(()));
        let cases = [
            (
                "EVAL_FAILURE_RATE",
                Thresholds {
                    failure_rate: -0.1,
                    ..good
                },
            ),
            (
                "EVAL_REWARD_DROP_PCT",
                Thresholds {
                    reward_drop_pct: 0.0,
                    ..good
                },
            ),
            (
                "EVAL_VARIANCE_MULTIPLIER",
                Thresholds {
                    variance_multiplier: f64::NAN,
                    ..good
                },
            ),
            (
                "EVAL_LOSS_TREND_WINDOW",
                Thresholds {
                    loss_trend_window: 2,
                    ..good
                },
            ),
            ("EVAL_ALPHA", Thresholds { alpha: 0.5, ..good }),
        ];
        for (option, thresholds) in cases {
            let error = thresholds.check().unwrap_err();
            assert_eq!(error.field, option);
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("{option} must be from ")),
                "{error}"
            );
        }
    }
}
