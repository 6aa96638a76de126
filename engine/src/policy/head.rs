//! How a network's outputs become actions.

use super::noise::Noise;

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
