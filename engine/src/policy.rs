//! Policies: a multilayer perceptron, what its outputs mean, and the normalisation of its inputs.

mod activation;
mod actor;
mod choice;
mod fit;
mod network;
mod noise;
mod preparation;
mod rescale;
mod spaces;

pub use self::activation::{Activation, UnknownActivation};
pub use self::actor::{Actor, NotANumber};
pub use self::fit::Misfit;
pub use self::noise::Noise;
pub use self::spaces::{DifferingObservations, Spaces};

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
    /// Q-values (DQN, QR-DQN): argmax; sampled: ε-greedy.
    Values {
        /// ε of the sampled policy.
        exploration_rate: f64,
    },
    /// Logits of a categorical distribution (A2C, PPO, TRPO): argmax; sampled: a draw.
    Logits,
    /// Scores of actions (ARS): argmax, also where others would sample.
    Scores,
    /// Mean of a diagonal Gaussian (A2C, PPO, TRPO on a box): the mean, then clipped; sampled: a
    /// draw, then clipped.
    Gaussian {
        /// What a draw adds to the mean.
        noise: Noise,
    },
    /// Mean of a diagonal Gaussian whose draws go through tanh (SAC, TQC, CrossQ, and PPO with
    /// gSDE and `squash_output`): tanh of the mean or of a draw, scaled to the action bounds.
    SquashedGaussian {
        /// The mean is first held within ± this bound (SB3's `clip_mean`).
        mean_bound: Option<f32>,
        /// What a draw adds to the mean.
        noise: Noise,
    },
    /// Deterministic actor (DDPG, TD3, ARS): tanh, then scaled to the action bounds.
    Squashed,
    /// The action itself (ARS without tanh): clipped, also where others would sample.
    Action,
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
    /// The spaces that it was trained in, where its file declares them.
    pub spaces: Spaces,
}
