//! Readers of policy files. They execute nothing and stay within fixed bounds, whatever the bytes are.

use serde::{Deserialize, Serialize};

/// The algorithm that trained an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Algorithm {
    /// Deep Q-network.
    Dqn,
    /// Advantage actor-critic.
    A2c,
    /// Proximal policy optimization.
    Ppo,
    /// Deep deterministic policy gradient.
    Ddpg,
}

/// How a policy file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Stable-Baselines3 `model.save()`.
    Sb3Zip,
    /// safetensors with the tensor names of SB3's state dict.
    Safetensors,
    /// Our own small JSON.
    MlpJson,
}
