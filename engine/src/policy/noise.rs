//! What a sampled action adds to a Gaussian policy's mean.

use super::dense::Dense;

/// The random part of a Gaussian policy's actions.
#[derive(Debug, Clone, PartialEq)]
pub enum Noise {
    /// The file has no usable one: only the deterministic actions are known.
    Unknown,
    /// The same deviation for every observation (A2C, PPO, TRPO).
    Constant {
        /// Logarithm of the standard deviation, one per action dimension.
        log_std: Vec<f32>,
    },
    /// A layer beside the last one gives the logarithm of the deviations, which is held within −20
    /// and 2 (SAC, TQC, CrossQ).
    Layer(Dense),
    /// State-dependent exploration (gSDE): a random matrix times the last hidden layer. The matrix
    /// is drawn anew for every episode.
    StateDependent {
        /// Standard deviation of each entry of that matrix, `[features][actions]`.
        std: Vec<f32>,
    },
}

/// Bounds of `log_std` in SAC and its descendants.
pub(super) const LOG_STD: std::ops::RangeInclusive<f32> = -20.0..=2.0;

impl Noise {
    /// The rows that the last layer must give beside the means for a draw.
    pub(super) fn rows(&self, mean: &Dense) -> Option<Dense> {
        match self {
            Self::Unknown | Self::Constant { .. } => None,
            Self::Layer(log_std) => Some(log_std.clone()),
            Self::StateDependent { .. } => Some(identity(mean.inputs)),
        }
    }
}

/// A layer that gives its inputs: products with 0 and 1 and their sums are exact.
fn identity(size: usize) -> Dense {
    let mut weight = vec![0.0; size * size];
    weight
        .iter_mut()
        .step_by(size + 1)
        .for_each(|one| *one = 1.0);
    Dense {
        inputs: size,
        outputs: size,
        weight,
        bias: vec![0.0; size],
    }
}
