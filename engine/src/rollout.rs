//! Runs episodes in lockstep and returns them in seed order.
//!
//! Episode `i` is reset with `seed + i`. Which lane and which thread it runs in never shows: the
//! same plan gives the same bytes for any number of lanes and threads.

mod error;
mod lockstep;
mod outcome;
mod plan;
mod progress;
mod shared_progress;

use std::ops::Range;
use std::thread;

pub use self::error::Error;
pub use self::lockstep::MakeEnvironment;
pub use self::outcome::Rollout;
pub use self::plan::Plan;
pub use self::progress::{Progress, Watch};
use self::shared_progress::SharedProgress;
use crate::policy::Policy;

/// Runs the plan's episodes with `policy` in the environments that `make_environment` makes.
pub fn run(
    make_environment: &MakeEnvironment<'_>,
    policy: &Policy,
    plan: &Plan,
    watch: &Watch<'_>,
) -> Result<Rollout, Error> {
    let last = u64::from(plan.episodes.saturating_sub(1));
    if plan.seed.checked_add(last).is_none() {
        return Err(Error::Seeds {
            seed: plan.seed,
            episodes: plan.episodes,
        });
    }
    let progress = SharedProgress::new(plan.episodes, watch);
    let chunk = |episodes| {
        let result = lockstep::run(make_environment, policy, plan, episodes, &progress);
        if result.is_err() {
            progress.stop();
        }
        result
    };
    let mut chunks = chunks(plan);
    let first = chunks.next().unwrap_or(0..0);
    let results: Vec<_> = thread::scope(|scope| {
        let others: Vec<_> = chunks
            .map(|episodes| scope.spawn(|| chunk(episodes)))
            .collect();
        let first = chunk(first);
        let others = others.into_iter().map(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        std::iter::once(first).chain(others).collect()
    });
    outcome::join(results)
}

/// The episodes of each thread.
fn chunks(plan: &Plan) -> impl Iterator<Item = Range<u32>> {
    let episodes = u64::from(plan.episodes);
    let threads = (plan.threads as u64).clamp(1, episodes.max(1));
    let bound = move |thread: u64| {
        u32::try_from(episodes * thread / threads)
            .expect("a part of the episodes is no more than all of them")
    };
    (0..threads).map(move |thread| bound(thread)..bound(thread + 1))
}
