//! A policy at work: observations in, actions out, for many lanes at once.

use std::borrow::Cow;

use super::choice::Choice;
use super::dense::Dense;
use super::fit::Misfit;
use super::head::Head;
use super::model::Policy;
use super::network::{Network, Output};
use super::preparation::Preparation;
use crate::catalogue::EnvironmentSpec;
use crate::lanes::{Actions, LaneMatrix};

/// A policy that was fitted to an environment, with all buffers that it needs.
#[derive(Debug)]
pub struct Actor {
    preparation: Preparation,
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
        let actions = policy.layers.last().map_or(0, |layer| layer.outputs);
        let (layers, output) = last_layer(policy, deterministic);
        let outputs = layers.last().map_or(0, |layer| layer.outputs);
        let choice = Choice::new(policy, &environment.action_space, lanes, deterministic);
        Ok(Self {
            preparation: Preparation::new(policy, &environment.observation_space, lanes),
            network: Network::new(&layers, policy.activation, output),
            outputs: LaneMatrix::zeros(outputs, lanes),
            actions: choice.first_actions(actions, lanes),
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
        let inputs = self.preparation.apply(active, observations);
        self.network.forward(active, inputs, &mut self.outputs);
        if let Some(lane) = first_nan(active, &self.outputs) {
            let observed = observations.lane(lane).any(f32::is_nan);
            return Err(NotANumber { lane, observed });
        }
        self.choice.choose(active, &self.outputs, &mut self.actions);
        Ok(&self.actions)
    }

    /// What the network gave in the last [`Actor::act`]: Q-values, logits, means, or squashed
    /// actions in ±1; where a Gaussian's actions are drawn, what the noise depends on follows
    /// the means.
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

/// The layers with what the last one has to give for these actions, and what is applied to that.
fn last_layer(policy: &Policy, deterministic: bool) -> (Cow<'_, [Dense]>, Output) {
    let layers = &policy.layers[..];
    let output = match policy.head {
        Head::Squashed => Output::Tanh,
        Head::SquashedGaussian { mean_bound, .. } if deterministic => {
            mean_bound.map_or(Output::Tanh, Output::ClippedTanh)
        }
        _ => Output::Raw,
    };
    let (Head::Gaussian { noise } | Head::SquashedGaussian { noise, .. }) = &policy.head else {
        return (layers.into(), output);
    };
    match layers.split_last() {
        Some((mean, before)) if !deterministic => match noise.rows(mean) {
            Some(rows) => {
                let last = Dense {
                    inputs: mean.inputs,
                    outputs: mean.outputs + rows.outputs,
                    weight: [&mean.weight[..], &rows.weight].concat(),
                    bias: [&mean.bias[..], &rows.bias].concat(),
                };
                ([before, &[last]].concat().into(), output)
            }
            None => (layers.into(), output),
        },
        _ => (layers.into(), output),
    }
}
