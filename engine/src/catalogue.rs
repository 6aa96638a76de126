//! What is known about each environment: spaces, time limit, success rule, reward threshold, version.

use std::borrow::Cow;

use serde::Serialize;

use crate::space::{ActionSpace, BoxSpace};

/// When an episode counts as a success.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum SuccessRule {
    /// The episode's return is at least `reward`.
    RewardAtLeast {
        /// The least return that succeeds.
        reward: f64,
    },
    /// The environment terminated (its goal was reached) in fewer than `steps` steps.
    GoalWithin {
        /// The number of steps that is too late.
        steps: u32,
    },
    /// The environment terminated: its goal was reached.
    GoalReached,
}

impl SuccessRule {
    /// Whether an episode with this return, length and end succeeded.
    pub fn succeeded(self, total_reward: f64, steps: u32, terminated: bool) -> bool {
        match self {
            Self::RewardAtLeast { reward } => total_reward >= reward,
            Self::GoalWithin { steps: limit } => terminated && steps < limit,
            Self::GoalReached => terminated,
        }
    }
}

/// One environment of the catalogue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EnvironmentSpec {
    /// Gymnasium's id, such as `CartPole-v1`.
    pub id: Cow<'static, str>,
    /// The number behind `-v`.
    pub version: u32,
    /// What an agent sees.
    pub observation_space: BoxSpace,
    /// What an agent may do.
    pub action_space: ActionSpace,
    /// Steps after which an episode is truncated.
    pub max_episode_steps: u32,
    /// When an episode counts as a success.
    pub success: SuccessRule,
    /// The return at which Gymnasium calls the environment solved, where it names one.
    pub reward_threshold: Option<f64>,
}
