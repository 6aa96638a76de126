//! `MountainCarContinuous-v0`: the mountain car with a force in ±1 and a price on it.
//!
//! Gymnasium keeps the state as f64 after a reset and as f32 after every step, and NumPy (NEP 50)
//! computes an f32 combined with a Python float in f32. So each operation here has the width that
//! it has there, and their order is Gymnasium's.

use crate::seeding::Generator;

use super::native::Dynamics;

const POWER: f64 = 0.0015;
const GRAVITY: f64 = 0.0025;
const MAX_SPEED: f32 = 0.07;
const MIN_POSITION: f32 = -1.2;
const MAX_POSITION: f32 = 0.6;
const GOAL_POSITION: f32 = 0.45;
const GOAL_REWARD: f64 = 100.0;

pub(super) struct MountainCarContinuous;

#[derive(Clone, Copy)]
pub(super) enum State {
    /// Just reset, and at rest.
    Start { position: f64 },
    /// At least one step has been made.
    Moving { position: f32, velocity: f32 },
}

impl Dynamics for MountainCarContinuous {
    type State = State;
    type Action = f32;
    type Observation = [f32; 2];

    fn reset(generator: &mut Generator) -> State {
        State::Start {
            position: generator.uniform(-0.6, -0.4),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "observations are f32")]
    fn observe(state: &State) -> [f32; 2] {
        match *state {
            State::Start { position } => [position as f32, 0.0],
            State::Moving { position, velocity } => [position, velocity],
        }
    }

    fn step(state: &mut State, action: f32) -> (f64, bool) {
        let (position, velocity) = match *state {
            State::Start { position } => first_step(position, action),
            State::Moving { position, velocity } => later_step(position, velocity, action),
        };
        *state = State::Moving { position, velocity };

        let arrived = position >= GOAL_POSITION && velocity >= 0.0;
        let prize = if arrived { GOAL_REWARD } else { 0.0 };
        // The square of an f32 is exact in f64, so Gymnasium's `math.pow` cannot differ from the
        // product.
        let action = f64::from(action);
        (prize - action * action * 0.1, arrived)
    }
}

/// In f64 until the new state is stored. From rest in the valley no bound can be reached in one
/// step.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the new state is stored as f32"
)]
fn first_step(position: f64, action: f32) -> (f32, f32) {
    let velocity = match acceleration(action, (3.0 * position).cos()) {
        Acceleration::Single(value) => f64::from(value),
        Acceleration::Double(value) => value,
    };
    ((position + velocity) as f32, velocity as f32)
}

#[expect(clippy::cast_possible_truncation, reason = "the state is f32")]
fn later_step(position: f32, velocity: f32, action: f32) -> (f32, f32) {
    let acceleration = match acceleration(action, f64::from(3.0 * position).cos()) {
        Acceleration::Single(value) => value,
        Acceleration::Double(value) => value as f32,
    };
    let mut velocity = (velocity + acceleration).clamp(-MAX_SPEED, MAX_SPEED);
    let position = (position + velocity).clamp(MIN_POSITION, MAX_POSITION);
    if position == MIN_POSITION && velocity < 0.0 {
        velocity = 0.0;
    }
    (position, velocity)
}

/// The change of velocity in the width in which Gymnasium computes it.
enum Acceleration {
    Single(f32),
    Double(f64),
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "NumPy rounds the Python float to the scalar's width"
)]
fn acceleration(action: f32, slope: f64) -> Acceleration {
    let pull = GRAVITY * slope;
    if action < -1.0 {
        // A clamped action is no longer a NumPy scalar but the bound itself, a Python float.
        Acceleration::Double(-POWER - pull)
    } else if action > 1.0 {
        Acceleration::Double(POWER - pull)
    } else {
        Acceleration::Single(action * POWER as f32 - pull as f32)
    }
}
