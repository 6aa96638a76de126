//! Observation and action spaces, in Gymnasium's terms.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// A box in ℝⁿ: `low[i] ≤ x[i] ≤ high[i]`. Bounds may be infinite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BoxSpace {
    /// Lower bounds, one per dimension. JSON has no infinity: null stands where there is no bound.
    #[serde(deserialize_with = "lower")]
    #[schemars(with = "Vec<Option<f32>>")]
    pub low: Vec<f32>,
    /// Upper bounds, one per dimension; null where there is none.
    #[serde(deserialize_with = "upper")]
    #[schemars(with = "Vec<Option<f32>>")]
    pub high: Vec<f32>,
}

fn lower<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
    bounds(deserializer, f32::NEG_INFINITY)
}

fn upper<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
    bounds(deserializer, f32::INFINITY)
}

fn bounds<'de, D: Deserializer<'de>>(deserializer: D, none: f32) -> Result<Vec<f32>, D::Error> {
    let bounds = Vec::<Option<f32>>::deserialize(deserializer)?;
    Ok(bounds
        .into_iter()
        .map(|bound| bound.unwrap_or(none))
        .collect())
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

impl fmt::Display for BoxSpace {
    /// Such as `[-1, -8] to [1, 8]`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bounds = |bounds: &[f32]| {
            let shown: Vec<String> = bounds.iter().take(8).map(f32::to_string).collect();
            let rest = if bounds.len() > 8 { ", …" } else { "" };
            format!("[{}{rest}]", shown.join(", "))
        };
        write!(formatter, "{} to {}", bounds(&self.low), bounds(&self.high))
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
