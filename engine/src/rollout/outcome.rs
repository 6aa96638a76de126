//! What a rollout gives, put together from the parts of its threads.

use super::error::Error;
use crate::episode::Episode;

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

/// Puts the threads' parts together. Of several errors the one that made the others stop counts.
pub(super) fn join(parts: Vec<Result<Rollout, Error>>) -> Result<Rollout, Error> {
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
