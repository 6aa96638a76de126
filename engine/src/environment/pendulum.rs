//! `Pendulum-v1`: a pendulum to be swung up and held by a torque in ±2; every episode runs into the
//! time limit.
//!
//! The order and the width of operations are Gymnasium's: the state is f64, the terms of the torque
//! are f32.

use std::f64::consts::{PI, TAU};

use crate::seeding::Generator;

use super::native::Dynamics;
use super::square::{square, square_f32};

const MAX_SPEED: f64 = 8.0;
const MAX_TORQUE: f32 = 2.0;
const SECONDS_PER_STEP: f64 = 0.05;
const GRAVITY: f64 = 10.0;

pub(super) struct Pendulum;

#[derive(Clone, Copy)]
pub(super) struct State {
    angle: f64,
    angular_velocity: f64,
    /// Of the angle: the observation shows them and the next step needs the sine again.
    sin: f64,
    cos: f64,
}

impl State {
    fn new(angle: f64, angular_velocity: f64) -> Self {
        let (sin, cos) = angle.sin_cos();
        Self {
            angle,
            angular_velocity,
            sin,
            cos,
        }
    }
}

impl Dynamics for Pendulum {
    type State = State;
    type Action = f32;
    type Observation = [f32; 3];

    fn reset(generator: &mut Generator) -> State {
        let angle = generator.uniform(-PI, PI);
        State::new(angle, generator.uniform(-1.0, 1.0))
    }

    #[expect(clippy::cast_possible_truncation, reason = "observations are f32")]
    fn observe(state: &State) -> [f32; 3] {
        [
            state.cos as f32,
            state.sin as f32,
            state.angular_velocity as f32,
        ]
    }

    fn step(state: &mut State, action: f32) -> (f64, bool) {
        let torque = action.clamp(-MAX_TORQUE, MAX_TORQUE);
        let cost = square(from_upright(state.angle))
            + 0.1 * square(state.angular_velocity)
            + f64::from(0.001 * square_f32(torque));

        let acceleration = 3.0 * GRAVITY / 2.0 * state.sin + f64::from(3.0 * torque);
        let angular_velocity =
            (state.angular_velocity + acceleration * SECONDS_PER_STEP).clamp(-MAX_SPEED, MAX_SPEED);
        *state = State::new(
            state.angle + angular_velocity * SECONDS_PER_STEP,
            angular_velocity,
        );
        (-cost, false)
    }
}

/// The angle in `[-π, π)`. Python's `%` with a positive divisor is the Euclidean remainder.
fn from_upright(angle: f64) -> f64 {
    (angle + PI).rem_euclid(TAU) - PI
}
