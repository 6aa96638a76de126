//! Policies: a multilayer perceptron, what its outputs mean, and the normalisation of its inputs.

mod activation;
mod actor;
mod choice;
mod fit;
mod network;

pub use self::activation::{Activation, UnknownActivation};
pub use self::actor::{Actor, NotANumber};
pub use self::fit::Misfit;

/// One dense layer: `y = W x + b`.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    /// Number of inputs.
    pub inputs: usize,
    /// Number of outputs.
    pub outputs: usize,
    /// Row-major `[outputs][inputs]`, as PyTorch stores it.
    pub weight: Vec<f32>,
    /// `[outputs]`.
    pub bias: Vec<f32>,
}

/// What the last layer's outputs mean and how they become an action.
#[derive(Debug, Clone, PartialEq)]
pub enum Head {
    /// Q-values (DQN): argmax; sampled: ε-greedy.
    Values {
        /// ε of the sampled policy.
        exploration_rate: f64,
    },
    /// Logits of a categorical distribution (A2C, PPO): argmax; sampled: a draw.
    Logits,
    /// Mean of a diagonal Gaussian (A2C, PPO on a box): the mean, then clipped; sampled: a draw,
    /// then clipped.
    Gaussian {
        /// Logarithm of the standard deviation, one per action dimension. `None` where the file has
        /// no usable one: such a policy cannot be sampled.
        log_std: Option<Vec<f32>>,
    },
    /// Deterministic actor (DDPG): tanh, then scaled to the action bounds.
    Squashed,
}

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

/// A policy as it was read from a file, not yet fitted to an environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Layers from input to output; the activation stands between them, not behind the last.
    pub layers: Vec<Dense>,
    /// The activation between the layers.
    pub activation: Activation,
    /// What the outputs mean.
    pub head: Head,
    /// Applied to every observation first.
    pub normalizer: Option<Normalizer>,
}
