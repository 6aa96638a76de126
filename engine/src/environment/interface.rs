//! What every environment does, and how it fails.

use crate::catalogue::EnvironmentSpec;
use crate::lanes::{Actions, LaneMatrix, Transitions};

/// Why an environment could not go on. Native environments never fail; a bridge to another process
/// may.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The environment itself broke down, and a new attempt may work.
    #[error("environment {id} failed: {reason}")]
    Failed {
        /// The environment's id.
        id: String,
        /// What happened.
        reason: String,
    },
}

/// A batch of independent episodes of one environment, one per lane.
///
/// Lanes `0..active` are alive. The caller keeps them dense: when a lane ends and no episode is
/// left to start in it, the last active lane moves into its place.
pub trait Environment: Send {
    /// What is known about this environment.
    fn spec(&self) -> &EnvironmentSpec;

    /// How many lanes there are.
    fn lanes(&self) -> usize;

    /// Starts a new episode in `lane`, as `env.reset(seed=seed)` does, and writes its first
    /// observation.
    fn reset(&mut self, lane: usize, seed: u64, observations: &mut LaneMatrix)
    -> Result<(), Error>;

    /// Steps the lanes `0..active` once with their actions and writes observations and transitions
    /// of those lanes.
    ///
    /// The actions must be of the action space's kind and discrete ones within it; an environment
    /// may panic otherwise. A continuous action that is not finite spoils its own lane at most: the
    /// step still returns.
    fn step(
        &mut self,
        active: usize,
        actions: &Actions,
        observations: &mut LaneMatrix,
        transitions: &mut Transitions,
    ) -> Result<(), Error>;

    /// Moves the episode in lane `from` to lane `to`, whose own episode is over.
    fn move_lane(&mut self, from: usize, to: usize);
}
