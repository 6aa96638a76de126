//! A policy at work: observations in, actions out, for many lanes at once.

use super::choice::Choice;
use super::network::{Network, Output};
use super::{Head, Misfit, Normalizer, Policy};
use crate::catalogue::EnvironmentSpec;
use crate::lanes::{Actions, LaneMatrix};

/// A policy that was fitted to an environment, with all buffers that it needs.
#[derive(Debug)]
pub struct Actor {
    normalizer: Option<Normalizer>,
    normalized: LaneMatrix,
    network: Network,
    outputs: LaneMatrix,
    choice: Choice,
    actions: Actions,
}

/// A lane's network gave NaN, so there is no action to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotANumber {
    /// The lane.
    pub lane: usize,
    /// Whether the observation held the NaN already.
    pub observed: bool,
}

impl Actor {
    /// Prepares `policy` for `lanes` lanes of an environment, with its best actions or with sampled
    /// ones.
    pub fn new(
        policy: &Policy,
        environment: &EnvironmentSpec,
        lanes: usize,
        deterministic: bool,
    ) -> Result<Self, Misfit> {
        policy.fit(environment)?;
        if !deterministic {
            policy.can_sample()?;
        }
        let last = match policy.head {
            Head::Squashed => Output::Tanh,
            Head::Values { .. } | Head::Logits | Head::Gaussian { .. } => Output::Raw,
        };
        let outputs = policy.layers.last().map_or(0, |layer| layer.outputs);
        let normalized = policy
            .normalizer
            .as_ref()
            .map_or(0, |normalizer| normalizer.mean.len());
        let choice = Choice::new(
            &policy.head,
            &environment.action_space,
            lanes,
            deterministic,
        );
        Ok(Self {
            normalizer: policy.normalizer.clone(),
            normalized: LaneMatrix::zeros(normalized, lanes),
            network: Network::new(&policy.layers, policy.activation, last),
            outputs: LaneMatrix::zeros(outputs, lanes),
            actions: choice.first_actions(outputs, lanes),
            choice,
        })
    }

    /// Starts the stream that the lane's actions are drawn from, if they are drawn: it depends on
    /// the seed alone.
    pub fn start_episode(&mut self, lane: usize, seed: u64) {
        self.choice.start_episode(lane, seed);
    }

    /// Moves the stream of lane `from` to lane `to`, as
    /// [`crate::environment::Environment::move_lane`] does.
    pub fn move_lane(&mut self, from: usize, to: usize) {
        self.choice.move_lane(from, to);
    }

    /// Chooses the actions of the lanes `0..active`.
    pub fn act(
        &mut self,
        active: usize,
        observations: &LaneMatrix,
    ) -> Result<&Actions, NotANumber> {
        let inputs = match &self.normalizer {
            None => observations,
            Some(normalizer) => {
                normalizer.apply(active, observations, &mut self.normalized);
                &self.normalized
            }
        };
        self.network.forward(active, inputs, &mut self.outputs);
        if let Some(lane) = first_nan(active, &self.outputs) {
            let observed = observations.lane(lane).any(f32::is_nan);
            return Err(NotANumber { lane, observed });
        }
        self.choice.choose(active, &self.outputs, &mut self.actions);
        Ok(&self.actions)
    }

    /// What the network gave in the last [`Actor::act`]: Q-values, logits, means, or squashed
    /// actions in ±1.
    pub fn outputs(&self) -> &LaneMatrix {
        &self.outputs
    }
}

/// NaN passes through every operation of the network, so it is enough to look at the outputs.
fn first_nan(active: usize, outputs: &LaneMatrix) -> Option<usize> {
    let rows = (0..outputs.features()).map(|output| &outputs.row(output)[..active]);
    rows.filter(|row| row.iter().fold(false, |any, value| any | value.is_nan()))
        .filter_map(|row| row.iter().position(|value| value.is_nan()))
        .min()
}

impl Normalizer {
    fn apply(&self, active: usize, observations: &LaneMatrix, normalized: &mut LaneMatrix) {
        for (feature, (mean, var)) in self.mean.iter().zip(&self.var).enumerate() {
            let deviation = (var + self.epsilon).sqrt();
            let row = normalized.row_mut(feature)[..active].iter_mut();
            for (normal, &raw) in row.zip(observations.row(feature)) {
                *normal = clip((f64::from(raw) - mean) / deviation, self.clip);
            }
        }
    }
}

/// Unlike `f64::max`, this lets NaN through, as NumPy's `clip` does.
#[expect(clippy::cast_possible_truncation, reason = "networks take f32")]
fn clip(value: f64, bound: f64) -> f32 {
    if value < -bound {
        -bound as f32
    } else if value > bound {
        bound as f32
    } else {
        value as f32
    }
}
