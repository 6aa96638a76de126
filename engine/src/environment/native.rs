//! What all native environments share: lanes, seeding, the time limit, and the layout of
//! observations.

use crate::catalogue::EnvironmentSpec;
use crate::lanes::{Actions, LaneMatrix, Transitions};
use crate::seeding::Generator;
use crate::space::ActionSpace;

use super::interface::{Environment, Error};

/// The physics of one environment, for one episode.
pub(super) trait Dynamics {
    /// Everything that a step depends on.
    type State: Copy + Send;
    /// `u32` for a discrete action, `f32` for a box of one dimension.
    type Action: Action;
    /// `[f32; N]`.
    type Observation: AsRef<[f32]>;

    /// Draws the state that an episode starts in.
    fn reset(generator: &mut Generator) -> Self::State;

    /// What the agent sees of the state that an episode starts in.
    fn observe_first(state: &Self::State) -> Self::Observation {
        Self::observe(state)
    }

    /// What the agent sees of a state after a step.
    fn observe(state: &Self::State) -> Self::Observation;

    /// Advances the state and returns the reward and whether the episode terminated.
    fn step(state: &mut Self::State, action: Self::Action) -> (f64, bool);
}

/// An action of one lane.
pub(super) trait Action: Copy {
    /// The actions of all lanes, if they are of this kind.
    fn of_lanes(actions: &Actions) -> Option<&[Self]>;

    /// Whether an action space can take it. A box takes every number, for dynamics clamp to its
    /// bounds as they see fit.
    fn fits(self, space: &ActionSpace) -> bool;
}

impl Action for u32 {
    fn of_lanes(actions: &Actions) -> Option<&[Self]> {
        match actions {
            Actions::Discrete(indices) => Some(indices),
            Actions::Continuous(_) => None,
        }
    }

    fn fits(self, space: &ActionSpace) -> bool {
        matches!(space, ActionSpace::Discrete { n } if (self as usize) < *n)
    }
}

impl Action for f32 {
    fn of_lanes(actions: &Actions) -> Option<&[Self]> {
        match actions {
            Actions::Discrete(_) => None,
            Actions::Continuous(vectors) => Some(vectors.row(0)),
        }
    }

    fn fits(self, space: &ActionSpace) -> bool {
        matches!(space, ActionSpace::Box(_))
    }
}

/// A batch of episodes with the same dynamics.
pub(super) struct Native<D: Dynamics> {
    spec: &'static EnvironmentSpec,
    states: Vec<D::State>,
    elapsed: Vec<u32>,
}

impl<D: Dynamics> Native<D> {
    pub(super) fn new(spec: &'static EnvironmentSpec, lanes: usize) -> Self {
        // Any valid state will do: the caller resets a lane before it steps it.
        let state = D::reset(&mut Generator::new(0));
        Self {
            spec,
            states: vec![state; lanes],
            elapsed: vec![0; lanes],
        }
    }
}

impl<D: Dynamics> Environment for Native<D> {
    fn spec(&self) -> &EnvironmentSpec {
        self.spec
    }

    fn lanes(&self) -> usize {
        self.states.len()
    }

    fn reset(
        &mut self,
        lane: usize,
        seed: u64,
        observations: &mut LaneMatrix,
    ) -> Result<(), Error> {
        let state = D::reset(&mut Generator::new(seed));
        observations.set_lane(lane, D::observe_first(&state).as_ref());
        self.states[lane] = state;
        self.elapsed[lane] = 0;
        Ok(())
    }

    fn step(
        &mut self,
        active: usize,
        actions: &Actions,
        observations: &mut LaneMatrix,
        transitions: &mut Transitions,
    ) -> Result<(), Error> {
        // A rollout refuses, before its first episode, a policy that does not fit the action space.
        let actions =
            D::Action::of_lanes(actions).expect("the caller builds actions for this action space");
        let limit = self.spec.max_episode_steps;
        let lanes = self.states[..active]
            .iter_mut()
            .zip(&mut self.elapsed)
            .zip(actions);
        for (lane, ((state, elapsed), &action)) in lanes.enumerate() {
            debug_assert!(
                action.fits(&self.spec.action_space),
                "an action outside its space came past the rollout"
            );
            let (reward, terminated) = D::step(state, action);
            *elapsed += 1;
            observations.set_lane(lane, D::observe(state).as_ref());
            transitions.rewards[lane] = reward;
            transitions.terminated[lane] = terminated;
            transitions.truncated[lane] = *elapsed >= limit;
        }
        Ok(())
    }

    fn move_lane(&mut self, from: usize, to: usize) {
        self.states[to] = self.states[from];
        self.elapsed[to] = self.elapsed[from];
    }
}
