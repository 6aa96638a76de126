//! t tests of "the candidate is worse", with the two-sided interval that belongs to them.

use super::student_t::{upper_quantile, upper_tail};
use super::{Interval, Summary};

/// What a t test found out about a difference, candidate − reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TTest {
    /// The observed difference of the means.
    pub difference: f64,
    /// The standard error of the difference; positive.
    pub standard_error: f64,
    /// Degrees of freedom.
    pub freedom: f64,
}

impl TTest {
    /// Mean of `sample` − `reference` (`scipy.stats.ttest_1samp`). `None` below two values or
    /// without any spread.
    pub fn one_sample(sample: &Summary, reference: f64) -> Option<Self> {
        let n = f64::from(sample.n);
        let standard_error = (sample.sample_variance()? / n).sqrt();
        (standard_error > 0.0).then_some(Self {
            difference: sample.mean - reference,
            standard_error,
            freedom: n - 1.0,
        })
    }

    /// Welch's test of two independent samples
    /// (`scipy.stats.ttest_ind_from_stats(equal_var=False)`). `None` if a sample has fewer than two
    /// values or neither has any spread.
    pub fn welch(candidate: &Summary, reference: &Summary) -> Option<Self> {
        let [of_candidate, of_reference] = [candidate, reference].map(|sample| {
            let n = f64::from(sample.n);
            Some((sample.sample_variance()? / n, n - 1.0))
        });
        let ((candidate_part, candidate_freedom), (reference_part, reference_freedom)) =
            (of_candidate?, of_reference?);
        let squared_error = candidate_part + reference_part;
        if squared_error <= 0.0 {
            return None;
        }
        // Welch–Satterthwaite, on shares of the squared error, which neither overflow nor vanish.
        let (candidate_share, reference_share) = (
            candidate_part / squared_error,
            reference_part / squared_error,
        );
        let inverse_freedom = candidate_share * candidate_share / candidate_freedom
            + reference_share * reference_share / reference_freedom;
        Some(Self {
            difference: candidate.mean - reference.mean,
            standard_error: squared_error.sqrt(),
            freedom: 1.0 / inverse_freedom,
        })
    }

    /// The one-sided p-value of "the difference is below zero" (`alternative="less"`).
    pub fn p_worse(&self) -> f64 {
        upper_tail(-self.difference / self.standard_error, self.freedom)
    }

    /// The interval that leaves out `tail` on either side.
    pub fn interval(&self, tail: f64) -> Interval {
        Interval::around(
            self.difference,
            upper_quantile(tail, self.freedom) * self.standard_error,
        )
    }
}
