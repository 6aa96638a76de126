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
mod stopping_rule;

use std::ops::Range;
use std::thread;

pub use self::error::Error;
pub use self::lockstep::MakeEnvironment;
pub use self::outcome::Rollout;
pub use self::plan::Plan;
pub use self::progress::{Progress, Watch};
use self::shared_progress::SharedProgress;
pub use self::stopping_rule::StoppingRule;
use crate::policy::Policy;

/// Lanes of a rollout that may end early.
const MAX_LANES_UNTIL: usize = 16;

/// Runs the plan's episodes with `policy` in the environments that `make_environment` makes.
pub fn run(
    make_environment: &MakeEnvironment<'_>,
    policy: &Policy,
    plan: &Plan,
    watch: &Watch<'_>,
) -> Result<Rollout, Error> {
    check_seeds(plan)?;
    let progress = SharedProgress::new(plan.episodes, watch);
    let chunk = |episodes| {
        let result = lockstep::run(make_environment, policy, plan, episodes, None, &progress);
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

/// The same until `rule` says that it is enough: what lanes have run beyond that episode is discarded.
///
/// It runs in one thread, because others would begin with the episodes that are most likely to be
/// discarded, and for the same reason in few lanes.
pub fn run_until<R: StoppingRule + Clone>(
    make_environment: &MakeEnvironment<'_>,
    policy: &Policy,
    plan: &Plan,
    rule: &R,
    watch: &Watch<'_>,
) -> Result<Rollout, Error> {
    check_seeds(plan)?;
    let few = Plan {
        lanes: plan.lanes.min(MAX_LANES_UNTIL),
        ..plan.clone()
    };
    let attempt = |plan: &Plan| {
        let progress = SharedProgress::new(plan.episodes, watch);
        let mut rule = rule.clone();
        let all = 0..plan.episodes;
        lockstep::run(
            make_environment,
            policy,
            plan,
            all,
            Some(&mut rule),
            &progress,
        )
    };
    match attempt(&few) {
        // Perhaps in an episode that was not to be run. One after the other they tell.
        Err(Error::NotANumber { .. }) if few.lanes > 1 => attempt(&Plan { lanes: 1, ..few }),
        result => result,
    }
}

fn check_seeds(plan: &Plan) -> Result<(), Error> {
    let last = u64::from(plan.episodes.saturating_sub(1));
    match plan.seed.checked_add(last) {
        Some(_) => Ok(()),
        None => Err(Error::Seeds {
            seed: plan.seed,
            episodes: plan.episodes,
        }),
    }
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
