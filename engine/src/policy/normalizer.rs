//! The normalisation of observations.

/// Observation statistics of SB3's `VecNormalize`: `clip((obs − mean) / √(var + ε), ±clip)`, in
/// f64, then f32.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalizer {
    /// Running mean per observation dimension.
    pub mean: Vec<f64>,
    /// Running variance per observation dimension.
    pub var: Vec<f64>,
    /// ε under the root.
    pub epsilon: f64,
    /// The clip bound.
    pub clip: f64,
}

impl Normalizer {
    pub(super) fn apply(&self, feature: usize, values: &mut [f32]) {
        let (mean, var) = (self.mean[feature], self.var[feature]);
        let deviation = (var + self.epsilon).sqrt();
        for value in values {
            *value = clip((f64::from(*value) - mean) / deviation, self.clip);
        }
    }
}

/// Unlike `f64::max`, this lets NaN through, as NumPy's `clip` does.
#[expect(clippy::cast_possible_truncation, reason = "networks take f32")]
fn clip(value: f64, bound: f64) -> f32 {
    if value < -bound {
        -bound as f32
    } else if value > bound {
        bound as f32
    } else {
        value as f32
    }
}
