//! From network outputs to actions: the best ones, or sampled ones.
//!
//! Sampled actions are drawn from a stream per episode, seeded by the episode's own seed, so they
//! depend neither on the lane nor on what other episodes do.

mod discrete;
mod draw;
#[cfg(test)]
mod tests;
mod vectors;

use self::discrete::Selection;
use self::vectors::Vectors;
use super::model::Policy;
use crate::lanes::{Actions, LaneMatrix};
use crate::seeding::Generator;
use crate::space::ActionSpace;

/// What keeps an episode's stream of actions apart from the environment's stream, which has the
/// same seed. Both halves are nonzero and different, because `SeedSequence` concatenates 32-bit
/// words.
const ACTION_STREAM: u64 = 0x6163_7469_6f6e_7321;

/// How actions follow from outputs, and the streams that they are drawn from.
#[derive(Debug)]
pub(super) struct Choice {
    rule: Rule,
    streams: Vec<Generator>,
}

#[derive(Debug)]
enum Rule {
    Index(Selection),
    Vector(Vectors),
}

impl Choice {
    /// For a policy that fits the space.
    pub(super) fn new(
        policy: &Policy,
        space: &ActionSpace,
        lanes: usize,
        deterministic: bool,
    ) -> Self {
        let rule = match space {
            ActionSpace::Discrete { .. } => {
                Rule::Index(Selection::new(&policy.head, lanes, deterministic))
            }
            ActionSpace::Box(bounds) => {
                Rule::Vector(Vectors::new(policy, bounds, lanes, deterministic))
            }
        };
        let draws = match &rule {
            Rule::Index(selection) => selection.draws(),
            Rule::Vector(vectors) => vectors.draws(),
        };
        Self {
            rule,
            streams: vec![Generator::new(0); if draws { lanes } else { 0 }],
        }
    }

    /// Room for the actions of a policy that gives `length` values.
    pub(super) fn first_actions(&self, length: usize, lanes: usize) -> Actions {
        match self.rule {
            Rule::Index(_) => Actions::Discrete(vec![0; lanes]),
            Rule::Vector(_) => Actions::Continuous(LaneMatrix::zeros(length, lanes)),
        }
    }

    pub(super) fn start_episode(&mut self, lane: usize, seed: u64) {
        if let Some(stream) = self.streams.get_mut(lane) {
            *stream = Generator::from_words(&[seed, ACTION_STREAM]);
            if let Rule::Vector(vectors) = &mut self.rule {
                vectors.start_episode(lane, stream);
            }
        }
    }

    pub(super) fn move_lane(&mut self, from: usize, to: usize) {
        if !self.streams.is_empty() {
            self.streams[to] = self.streams[from].clone();
            if let Rule::Vector(vectors) = &mut self.rule {
                vectors.move_lane(from, to);
            }
        }
    }

    /// Writes the actions of the lanes `0..active`. The outputs must hold no NaN.
    pub(super) fn choose(&mut self, active: usize, outputs: &LaneMatrix, actions: &mut Actions) {
        match (&mut self.rule, actions) {
            (Rule::Index(selection), Actions::Discrete(actions)) => {
                selection.choose(outputs, &mut self.streams, &mut actions[..active]);
            }
            (Rule::Vector(vectors), Actions::Continuous(actions)) => {
                vectors.choose(active, outputs, &mut self.streams, actions);
            }
            // `first_actions` made the room for this rule.
            _ => {}
        }
    }
}
