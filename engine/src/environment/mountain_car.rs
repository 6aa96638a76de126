//! `MountainCar-v0`: an underpowered car swings itself up a hill by pushing left (0), not at all
//! (1) or right (2).
//!
//! Moore, "Efficient Memory-based Learning for Robot Control" (1990). The order of operations is
//! Gymnasium's.

use crate::seeding::Generator;

use super::native::Dynamics;

const FORCE: f64 = 0.001;
const GRAVITY: f64 = 0.0025;
const MAX_SPEED: f64 = 0.07;
const MIN_POSITION: f64 = -1.2;
const MAX_POSITION: f64 = 0.6;
const GOAL_POSITION: f64 = 0.5;

pub(super) struct MountainCar;

#[derive(Clone, Copy)]
pub(super) struct State {
    position: f64,
    velocity: f64,
}

impl Dynamics for MountainCar {
    type State = State;
    type Action = u32;
    type Observation = [f32; 2];

    fn reset(generator: &mut Generator) -> State {
        State {
            position: generator.uniform(-0.6, -0.4),
            velocity: 0.0,
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "observations are f32")]
    fn observe(state: &State) -> [f32; 2] {
        [state.position as f32, state.velocity as f32]
    }

    fn step(state: &mut State, action: u32) -> (f64, bool) {
        let push = (f64::from(action) - 1.0) * FORCE;
        state.velocity += push + (3.0 * state.position).cos() * -GRAVITY;
        state.velocity = state.velocity.clamp(-MAX_SPEED, MAX_SPEED);
        state.position = (state.position + state.velocity).clamp(MIN_POSITION, MAX_POSITION);
        if state.position == MIN_POSITION && state.velocity < 0.0 {
            state.velocity = 0.0;
        }
        (
            -1.0,
            state.position >= GOAL_POSITION && state.velocity >= 0.0,
        )
    }
}
