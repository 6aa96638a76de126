//! Why there is no rollout.

use crate::environment;
use crate::policy::Misfit;

/// Why there is no rollout. All but [`Error::Environment`] and [`Error::Stopped`] would happen
/// again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `seed + i` does not fit.
    #[error("{episodes} episodes from seed {seed} would need seeds beyond 2^64 - 1")]
    Seeds {
        /// The plan's seed.
        seed: u64,
        /// The plan's episodes.
        episodes: u32,
    },
    /// The policy and the environment do not belong together.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// The policy gave NaN instead of an action.
    #[error(
        "{} NaN in step {step} of the episode with seed {seed}",
        if *observed { "the environment observed" } else { "the policy's network gave" }
    )]
    NotANumber {
        /// What the episode was reset with.
        seed: u64,
        /// The step that could not be taken, from 0.
        step: u32,
        /// Whether the environment's observation held the NaN already.
        observed: bool,
    },
    /// The environment broke down.
    #[error(transparent)]
    Environment(#[from] environment::Error),
    /// `watch` answered [`ControlFlow::Break`](std::ops::ControlFlow::Break).
    #[error("the rollout was stopped")]
    Stopped,
}
