//! What may end a rollout before its last episode.

use std::ops::ControlFlow;

use crate::episode::Episode;

/// Is shown the episodes in the order of their seeds, each once, and says whether to go on after it.
/// What it says may depend on nothing else, so that the rollout ends at the same episode however it
/// is run.
pub trait StoppingRule {
    /// Looks at the next episode.
    fn observe(&mut self, episode: &Episode) -> ControlFlow<()>;
}
