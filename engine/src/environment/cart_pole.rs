//! `CartPole-v1`: a pole balanced on a cart that is pushed left (0) or right (1).
//!
//! Barto, Sutton and Anderson, "Neuronlike Adaptive Elements That Can Solve Difficult Learning
//! Control Problems" (1983), with the equations as corrected by Florian (2007). The order of
//! operations is Gymnasium's, because rounding is part of the contract.

use crate::seeding::Generator;

use super::native::Dynamics;

const GRAVITY: f64 = 9.8;
const CART_MASS: f64 = 1.0;
const POLE_MASS: f64 = 0.1;
const TOTAL_MASS: f64 = POLE_MASS + CART_MASS;
const HALF_POLE_LENGTH: f64 = 0.5;
const POLE_MASS_LENGTH: f64 = POLE_MASS * HALF_POLE_LENGTH;
const FORCE: f64 = 10.0;
const SECONDS_PER_STEP: f64 = 0.02;
const POSITION_LIMIT: f64 = 2.4;
/// 12° in radians.
const ANGLE_LIMIT: f64 = 12.0 * 2.0 * std::f64::consts::PI / 360.0;

pub(super) struct CartPole;

#[derive(Clone, Copy)]
pub(super) struct State {
    position: f64,
    velocity: f64,
    angle: f64,
    angular_velocity: f64,
}

impl Dynamics for CartPole {
    type State = State;
    type Action = u32;
    type Observation = [f32; 4];

    fn reset(generator: &mut Generator) -> State {
        let mut draw = || generator.uniform(-0.05, 0.05);
        State {
            position: draw(),
            velocity: draw(),
            angle: draw(),
            angular_velocity: draw(),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "observations are f32")]
    fn observe(state: &State) -> [f32; 4] {
        [
            state.position,
            state.velocity,
            state.angle,
            state.angular_velocity,
        ]
        .map(|value| value as f32)
    }

    fn step(state: &mut State, action: u32) -> (f64, bool) {
        let force = if action == 1 { FORCE } else { -FORCE };
        let (sin, cos) = state.angle.sin_cos();
        let pull = (force
            + POLE_MASS_LENGTH * (state.angular_velocity * state.angular_velocity) * sin)
            / TOTAL_MASS;
        let angular_acceleration = (GRAVITY * sin - cos * pull)
            / (HALF_POLE_LENGTH * (4.0 / 3.0 - POLE_MASS * (cos * cos) / TOTAL_MASS));
        let acceleration = pull - POLE_MASS_LENGTH * angular_acceleration * cos / TOTAL_MASS;

        state.position += SECONDS_PER_STEP * state.velocity;
        state.velocity += SECONDS_PER_STEP * acceleration;
        state.angle += SECONDS_PER_STEP * state.angular_velocity;
        state.angular_velocity += SECONDS_PER_STEP * angular_acceleration;

        let fell = state.position < -POSITION_LIMIT
            || state.position > POSITION_LIMIT
            || state.angle < -ANGLE_LIMIT
            || state.angle > ANGLE_LIMIT;
        (1.0, fell)
    }
}
