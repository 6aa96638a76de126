//! The record of one finished episode.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One finished episode. Episode `i` of an evaluation is reset with `seed + i`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Episode {
    /// Its place in the evaluation, from 0.
    pub episode_num: u32,
    /// What the environment was reset with.
    pub seed: u64,
    /// The undiscounted sum of rewards, added in step order.
    pub total_reward: f64,
    /// How many steps it took.
    pub steps: u32,
    /// Whether it met the environment's success rule.
    pub success: bool,
}
