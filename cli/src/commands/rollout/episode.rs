//! One episode of one environment in a single lane.

use anyhow::Context as _;
use serde::Serialize;
use tars_engine::environment::{self, Environment};
use tars_engine::lanes::{Actions, LaneMatrix, Transitions};
use tars_engine::space::ActionSpace;

/// An episode under way.
pub(super) struct Episode {
    environment: Box<dyn Environment>,
    observations: LaneMatrix,
    transitions: Transitions,
}

/// What one step returned.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    obs: Vec<f64>,
    reward: f64,
    terminated: bool,
    truncated: bool,
}

impl Step {
    /// How the episode ended, if it did.
    pub(super) fn end(&self) -> Option<&'static str> {
        match (self.terminated, self.truncated) {
            (true, _) => Some("terminated"),
            (false, true) => Some("was truncated"),
            (false, false) => None,
        }
    }
}

impl Episode {
    /// Resets the environment.
    pub(super) fn start(id: &str, seed: u64) -> anyhow::Result<Self> {
        let mut environment = environment::native(id, 1)
            .with_context(|| format!("{id} is not a native environment"))?;
        let features = environment.spec().observation_space.dimensions();
        let mut observations = LaneMatrix::zeros(features, 1);
        environment.reset(0, seed, &mut observations)?;
        Ok(Self {
            environment,
            observations,
            transitions: Transitions::new(1),
        })
    }

    pub(super) fn action_space(&self) -> &ActionSpace {
        &self.environment.spec().action_space
    }

    /// Every f32 is exactly an f64, and JSON writes that one as Python does.
    pub(super) fn observation(&self) -> Vec<f64> {
        self.observations.lane(0).map(f64::from).collect()
    }

    /// Takes one action, which must be of the action space.
    pub(super) fn step(&mut self, action: &Actions) -> anyhow::Result<Step> {
        self.environment
            .step(1, action, &mut self.observations, &mut self.transitions)?;
        Ok(Step {
            obs: self.observation(),
            reward: self.transitions.rewards[0],
            terminated: self.transitions.terminated[0],
            truncated: self.transitions.truncated[0],
        })
    }
}
