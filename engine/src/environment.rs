//! Environments that step many episodes in lockstep.

mod acrobot;
mod cart_pole;
mod float32_trigonometry;
mod mountain_car;
mod mountain_car_continuous;
mod native;
mod pendulum;
mod square;

use crate::catalogue::{self, EnvironmentSpec};
use crate::lanes::{Actions, LaneMatrix, Transitions};

use self::acrobot::Acrobot;
use self::cart_pole::CartPole;
use self::mountain_car::MountainCar;
use self::mountain_car_continuous::MountainCarContinuous;
use self::native::Native;
use self::pendulum::Pendulum;

/// Why an environment could not go on. Native environments never fail; a bridge to another process may.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The environment itself broke down, and a new attempt may work.
    #[error("environment {id} failed: {reason}")]
    Failed {
        /// The environment's id.
        id: String,
        /// What happened.
        reason: String,
    },
}

/// A batch of independent episodes of one environment, one per lane.
///
/// Lanes `0..active` are alive. The caller keeps them dense: when a lane ends and no episode is left to start in it,
/// the last active lane moves into its place.
pub trait Environment: Send {
    /// What is known about this environment.
    fn spec(&self) -> &EnvironmentSpec;

    /// How many lanes there are.
    fn lanes(&self) -> usize;

    /// Starts a new episode in `lane`, as `env.reset(seed=seed)` does, and writes its first observation.
    fn reset(&mut self, lane: usize, seed: u64, observations: &mut LaneMatrix) -> Result<(), Error>;

    /// Steps the lanes `0..active` once with their actions and writes observations and transitions of those lanes.
    fn step(
        &mut self,
        active: usize,
        actions: &Actions,
        observations: &mut LaneMatrix,
        transitions: &mut Transitions,
    ) -> Result<(), Error>;

    /// Moves the episode in lane `from` to lane `to`, whose own episode is over.
    fn move_lane(&mut self, from: usize, to: usize);
}

/// The native environment with this id and so many lanes; `None` for an id that is not in [`catalogue::native`].
pub fn native(id: &str, lanes: usize) -> Option<Box<dyn Environment>> {
    let spec = catalogue::find(id)?;
    Some(match id {
        "Acrobot-v1" => Box::new(Native::<Acrobot>::new(spec, lanes)),
        "CartPole-v1" => Box::new(Native::<CartPole>::new(spec, lanes)),
        "MountainCar-v0" => Box::new(Native::<MountainCar>::new(spec, lanes)),
        "MountainCarContinuous-v0" => Box::new(Native::<MountainCarContinuous>::new(spec, lanes)),
        "Pendulum-v1" => Box::new(Native::<Pendulum>::new(spec, lanes)),
        _ => return None,
    })
}
