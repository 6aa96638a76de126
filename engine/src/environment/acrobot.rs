//! `Acrobot-v1`: two links hanging from a bar, the joint between them driven by a torque of −1, 0
//! or 1 (actions 0, 1, 2).
//!
//! Sutton and Barto, "Reinforcement Learning: An Introduction" (1998), example 11.3, whose
//! equations Gymnasium uses by default, with all masses and lengths 1, centres of mass in the
//! middle and moments of inertia 1. Constants are folded only where that cannot change a rounding;
//! otherwise the order of operations is Gymnasium's.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use crate::seeding::Generator;

use super::float32_trigonometry;
use super::native::Dynamics;
use super::square::square;

const GRAVITY: f64 = 9.8;
const MAX_VELOCITY_1: f64 = 4.0 * PI;
const MAX_VELOCITY_2: f64 = 9.0 * PI;
const SECONDS_PER_STEP: f64 = 0.2;

pub(super) struct Acrobot;

/// Angle of the first link from hanging down, angle of the second relative to the first, and their
/// velocities.
type Motion = [f64; 4];

#[derive(Clone, Copy)]
pub(super) struct State {
    motion: Motion,
    /// Sine and cosine of the two angles: the observation shows them and the next step needs the
    /// second again.
    sin_cos: [(f64, f64); 2],
}

impl State {
    fn new(motion: Motion) -> Self {
        Self {
            motion,
            sin_cos: [motion[0].sin_cos(), motion[1].sin_cos()],
        }
    }
}

impl Dynamics for Acrobot {
    type State = State;
    type Action = u32;
    type Observation = [f32; 6];

    #[expect(
        clippy::cast_possible_truncation,
        reason = "Gymnasium stores the first state as f32"
    )]
    fn reset(generator: &mut Generator) -> State {
        State::new(std::array::from_fn(|_| {
            f64::from(generator.uniform(-0.1, 0.1) as f32)
        }))
    }

    /// The first state is a NumPy array of f32, for which NumPy has its own sine and cosine.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the first state holds f32 values"
    )]
    fn observe_first(state: &State) -> [f32; 6] {
        use float32_trigonometry::{cos, sin};
        let [angle_1, angle_2, velocity_1, velocity_2] = state.motion.map(|value| value as f32);
        [
            cos(angle_1),
            sin(angle_1),
            cos(angle_2),
            sin(angle_2),
            velocity_1,
            velocity_2,
        ]
    }

    #[expect(clippy::cast_possible_truncation, reason = "observations are f32")]
    fn observe(state: &State) -> [f32; 6] {
        let [_, _, velocity_1, velocity_2] = state.motion;
        let [(sin_1, cos_1), (sin_2, cos_2)] = state.sin_cos;
        [cos_1, sin_1, cos_2, sin_2, velocity_1, velocity_2].map(|value| value as f32)
    }

    fn step(state: &mut State, action: u32) -> (f64, bool) {
        let torque = f64::from(action) - 1.0;
        let [angle_1, angle_2, velocity_1, velocity_2] = runge_kutta(state, torque);
        let angles = [wrap(angle_1), wrap(angle_2)];
        *state = State::new([
            angles[0],
            angles[1],
            velocity_1.clamp(-MAX_VELOCITY_1, MAX_VELOCITY_1),
            velocity_2.clamp(-MAX_VELOCITY_2, MAX_VELOCITY_2),
        ]);
        let [(_, cos_1), _] = state.sin_cos;
        let swung_up = -cos_1 - (angles[1] + angles[0]).cos() > 1.0;
        (if swung_up { 0.0 } else { -1.0 }, swung_up)
    }
}

/// One step of the classical fourth-order Runge–Kutta method.
fn runge_kutta(state: &State, torque: f64) -> Motion {
    let start = state.motion;
    let half = SECONDS_PER_STEP / 2.0;
    let slope_at = |motion: Motion| derivative(motion, motion[1].sin_cos(), torque);
    let k1 = derivative(start, state.sin_cos[1], torque);
    let k2 = slope_at(add(start, half, k1));
    let k3 = slope_at(add(start, half, k2));
    let k4 = slope_at(add(start, SECONDS_PER_STEP, k3));
    let slope = std::array::from_fn(|i| k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]);
    add(start, SECONDS_PER_STEP / 6.0, slope)
}

fn add(motion: Motion, seconds: f64, slope: Motion) -> Motion {
    std::array::from_fn(|i| motion[i] + seconds * slope[i])
}

/// The equations of motion, given sine and cosine of the second angle.
fn derivative(
    [angle_1, angle_2, velocity_1, velocity_2]: Motion,
    (sin_2, cos_2): (f64, f64),
    torque: f64,
) -> Motion {
    let d1 = 0.25 + (1.25 + cos_2) + 1.0 + 1.0;
    let d2 = 0.25 + 0.5 * cos_2 + 1.0;
    let phi2 = 0.5 * GRAVITY * (angle_1 + angle_2 - FRAC_PI_2).cos();
    let phi1 = -0.5 * square(velocity_2) * sin_2 - velocity_2 * velocity_1 * sin_2
        + 1.5 * GRAVITY * (angle_1 - FRAC_PI_2).cos()
        + phi2;
    let acceleration_2 = (torque + d2 / d1 * phi1 - 0.5 * square(velocity_1) * sin_2 - phi2)
        / (1.25 - square(d2) / d1);
    let acceleration_1 = -(d2 * acceleration_2 + phi1) / d1;
    [velocity_1, velocity_2, acceleration_1, acceleration_2]
}

/// The angle in `[-π, π]`, by whole turns added one at a time as Gymnasium does, which rounds after
/// each.
///
/// An angle comes from a state within bounds by one step, so a few turns suffice; the loops give up
/// where a turn no longer changes the angle, so that not even infinity could hold them.
fn wrap(mut angle: f64) -> f64 {
    while angle > PI && angle - TAU < angle {
        angle -= TAU;
    }
    while angle < -PI && angle + TAU > angle {
        angle += TAU;
    }
    angle
}
