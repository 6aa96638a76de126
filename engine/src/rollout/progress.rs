//! How far a rollout is, and who is told.

use std::ops::ControlFlow;

/// How far a rollout is, over all threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Finished episodes; never decreases from one report to the next.
    pub episodes_done: u32,
    /// All episodes of the plan.
    pub episodes_total: u32,
    /// Steps taken, in finished and unfinished episodes.
    pub steps: u64,
}

/// Sees the progress and says whether to go on. It is called about once per thousand steps, never
/// by two threads at once: on small networks that is some ten thousand times a second, so it should
/// be cheap.
pub type Watch<'a> = dyn Fn(Progress) -> ControlFlow<()> + Sync + 'a;
