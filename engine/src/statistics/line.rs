//! The least-squares line through equally spaced values.

use super::Summary;
use super::student_t::upper_quantile;

/// The line through (0, y₀), (1, y₁), … (`scipy.stats.linregress`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Change per step.
    pub slope: f64,
    /// Standard error of the slope; `None` below three values.
    pub standard_error: Option<f64>,
    n: f64,
}

impl Line {
    /// Fits the line; `None` below two values.
    pub fn fit(values: &[f64]) -> Option<Self> {
        if values.len() < 2 {
            return None;
        }
        let n = values.len() as f64;
        let center = (n - 1.0) / 2.0;
        let mean = Summary::of(values.iter().copied()).mean;
        let spread = n * (n * n - 1.0) / 12.0;
        let offsets = || {
            values
                .iter()
                .enumerate()
                .map(|(index, value)| (index as f64 - center, value - mean))
        };
        let slope = offsets().map(|(x, y)| x * y).sum::<f64>() / spread;
        let residuals: f64 = offsets()
            .map(|(x, y)| (y - slope * x) * (y - slope * x))
            .sum();
        Some(Self {
            slope,
            standard_error: (n > 2.0).then(|| (residuals / (n - 2.0) / spread).sqrt()),
            n,
        })
    }

    /// The largest slope that noise around a level line explains at level `alpha`, one-sided;
    /// `None` below three values.
    pub fn largest_chance_slope(&self, alpha: f64) -> Option<f64> {
        let standard_error = self.standard_error?;
        Some(upper_quantile(alpha, self.n - 2.0) * standard_error)
    }
}
