//! Runs episodes in lockstep and returns them in seed order.
//!
//! Episode `i` is reset with `seed + i`. Which lane and which thread it runs in never shows: the
//! same plan gives the same bytes for any number of lanes and threads.

mod lockstep;
mod tally;

use std::ops::{ControlFlow, Range};
use std::thread;

use crate::environment::{self, Environment};
use crate::episode::Episode;
use crate::policy::{Misfit, Policy};

use self::tally::Tally;

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Episode `i` is reset with `seed + i`.
    pub seed: u64,
    /// How many episodes.
    pub episodes: u32,
    /// Best actions instead of sampled ones.
    pub deterministic: bool,
    /// How many episodes step side by side in one thread; never more than there are. 0 counts as 1.
    pub lanes: usize,
    /// Over how many threads the episodes are spread; never more than there are. 0 counts as 1.
    pub threads: usize,
}

impl Plan {
    /// One thread with 64 lanes: enough to fill the vector registers, few enough to stay in the
    /// first-level cache.
    pub fn new(seed: u64, episodes: u32, deterministic: bool) -> Self {
        Self {
            seed,
            episodes,
            deterministic,
            lanes: 64,
            threads: 1,
        }
    }
}

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

/// What was run.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollout {
    /// In the order of their seeds.
    pub episodes: Vec<Episode>,
    /// How often each action was taken; `None` for a box of actions.
    pub action_counts: Option<Vec<u64>>,
    /// Steps of all episodes together.
    pub steps: u64,
}

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
    /// `watch` answered [`ControlFlow::Break`].
    #[error("the rollout was stopped")]
    Stopped,
}

/// Makes an environment with so many lanes; called once per thread.
pub type MakeEnvironment<'a> =
    dyn Fn(usize) -> Result<Box<dyn Environment>, environment::Error> + Sync + 'a;

/// Sees the progress and says whether to go on. It is called about once per thousand steps, never
/// by two threads at once: on small networks that is some ten thousand times a second, so it should
/// be cheap.
pub type Watch<'a> = dyn Fn(Progress) -> ControlFlow<()> + Sync + 'a;

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
    let tally = Tally::new(plan.episodes, watch);
    let chunk = |episodes| {
        let result = lockstep::run(make_environment, policy, plan, episodes, &tally);
        if result.is_err() {
            tally.stop();
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
    join(results)
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

/// Puts the threads' parts together. Of several errors the one that made the others stop counts.
fn join(parts: Vec<Result<Rollout, Error>>) -> Result<Rollout, Error> {
    let mut whole: Option<Rollout> = None;
    let mut stopped = false;
    for part in parts {
        match part {
            Err(Error::Stopped) => stopped = true,
            Err(error) => return Err(error),
            Ok(part) => match &mut whole {
                None => whole = Some(part),
                Some(whole) => whole.extend(part),
            },
        }
    }
    match whole {
        Some(whole) if !stopped => Ok(whole),
        _ => Err(Error::Stopped),
    }
}

impl Rollout {
    fn extend(&mut self, next: Self) {
        self.episodes.extend(next.episodes);
        self.steps += next.steps;
        if let (Some(counts), Some(next)) = (&mut self.action_counts, next.action_counts) {
            for (count, next) in counts.iter_mut().zip(next) {
                *count += next;
            }
        }
    }
}
