//! The statistics that metrics and verdicts are made of. Every function agrees with SciPy to nine
//! digits or better.
//!
//! Sums run in the order of the values, so that the same episodes give the same bytes everywhere.

pub mod bootstrap;
pub mod line;
pub mod proportion;
pub mod student_t;
pub mod t_test;
pub mod wealth;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A closed interval of real numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// The interval that holds nothing but `value`.
    pub fn point(value: f64) -> Self {
        Self::around(value, 0.0)
    }

    /// `center ± half_width`.
    pub fn around(center: f64, half_width: f64) -> Self {
        Self {
            low: center - half_width,
            high: center + half_width,
        }
    }
}

/// Mean, spread and size of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many values there are.
    pub n: u32,
    /// Their mean; 0 if there are none.
    pub mean: f64,
    /// Their variance with divisor n, NumPy's default; 0 if there are none.
    pub population_variance: f64,
}

impl Summary {
    /// Summarises values in two passes: the mean first, then the squared deviations from it.
    pub fn of(values: impl ExactSizeIterator<Item = f64> + Clone) -> Self {
        let n = size(values.len());
        let divisor = f64::from(n.max(1));
        let first = values.clone().next().unwrap_or(0.0);
        // Deviations from the first value: equal values have their own value as mean, and no
        // variance, exactly.
        let mean = first + values.clone().map(|value| value - first).sum::<f64>() / divisor;
        let squares: f64 = values.map(|value| (value - mean) * (value - mean)).sum();
        Self {
            n,
            mean,
            population_variance: squares / divisor,
        }
    }

    /// The variance with divisor n − 1; `None` below two values.
    pub fn sample_variance(&self) -> Option<f64> {
        let n = f64::from(self.n);
        (self.n > 1).then(|| self.population_variance * n / (n - 1.0))
    }
}

/// The size of a sample; none is larger than a `u32`, because a job has at most 1,000 episodes.
pub(crate) fn size(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// Entropy of a distribution given by counts, in nats (`scipy.stats.entropy`); `None` if nothing
/// was counted.
pub fn entropy(counts: &[u64]) -> Option<f64> {
    let total = counts.iter().sum::<u64>() as f64;
    (total > 0.0).then(|| {
        let shares = counts
            .iter()
            .filter(|&&count| count > 0)
            .map(|&count| count as f64 / total);
        // Not `-sum`, which would make a negative zero of a single certain action.
        shares.map(|share| share * share.ln().abs()).sum()
    })
}

/// Holm's adjusted p-values, in the order given: all of those at most α may be rejected together at
/// level α.
///
/// S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of
/// Statistics 6 (1979).
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&left, &right| p_values[left].total_cmp(&p_values[right]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest = 0.0_f64;
    for (rank, &index) in order.iter().enumerate() {
        largest = largest
            .max(p_values[index] * (p_values.len() - rank) as f64)
            .min(1.0);
        adjusted[index] = largest;
    }
    adjusted
}
