//! Observation and action spaces, in Gymnasium's terms.

use schemars::JsonSchema;
use serde::Serialize;

/// A box in ℝⁿ: `low[i] ≤ x[i] ≤ high[i]`. Bounds may be infinite.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct BoxSpace {
    /// Lower bounds, one per dimension. JSON has no infinity: null stands where there is no bound.
    #[schemars(with = "Vec<Option<f32>>")]
    pub low: Vec<f32>,
    /// Upper bounds, one per dimension; null where there is none.
    #[schemars(with = "Vec<Option<f32>>")]
    pub high: Vec<f32>,
}

impl BoxSpace {
    /// The box between `-high` and `high`; as in Gymnasium, bounds are computed in f64 and rounded
    /// once.
    #[expect(clippy::cast_possible_truncation, reason = "the space holds f32")]
    pub(crate) fn symmetric(high: &[f64]) -> Self {
        Self {
            low: high.iter().map(|&bound| -bound as f32).collect(),
            high: high.iter().map(|&bound| bound as f32).collect(),
        }
    }

    /// The number of dimensions.
    pub fn dimensions(&self) -> usize {
        self.low.len()
    }
}

/// What an agent may do in one step.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ActionSpace {
    /// One of `n` actions, `0..n`.
    Discrete {
        /// How many actions there are.
        n: usize,
    },
    /// A real vector.
    Box(BoxSpace),
}
