//! Environments that step many episodes in lockstep.
//!
//! The native ones are Gymnasium 1.4's, bit for bit: same seed and same actions give the same
//! observations, rewards and ends (`tests/gymnasium_parity.rs` proves it). Rounding is thus part of
//! their contract: they keep the order, the width and the library calls of the original, and never
//! use a fused multiply-add where it could change a result.
//!
//! Like Gymnasium, they take sine, cosine and `pow` from the C library, so the last bit belongs to
//! it: glibc's differs between CPUs with and without fused multiply-add, and other C libraries have
//! their own. Workers that are to agree to the bit run the same image on x86-64 CPUs of 2013 or
//! later, or all on 64-bit ARM.

mod acrobot;
mod cart_pole;
mod float32_trigonometry;
mod interface;
mod mountain_car;
mod mountain_car_continuous;
mod native;
mod pendulum;
mod square;

pub use self::interface::{Environment, Error};

use crate::catalogue;

use self::acrobot::Acrobot;
use self::cart_pole::CartPole;
use self::mountain_car::MountainCar;
use self::mountain_car_continuous::MountainCarContinuous;
use self::native::Native;
use self::pendulum::Pendulum;

/// The native environment with this id and so many lanes, each to be reset before its first step;
/// `None` for an id that is not in [`catalogue::native`].
pub fn native(id: &str, lanes: usize) -> Option<Box<dyn Environment>> {
    let spec = catalogue::find(id)?;
    Some(match id {
        "Acrobot-v1" => Box::new(Native::<Acrobot>::new(spec, lanes)),
        "CartPole-v1" => Box::new(Native::<CartPole>::new(spec, lanes)),
        "MountainCar-v0" => Box::new(Native::<MountainCar>::new(spec, lanes)),
        "MountainCarContinuous-v0" => Box::new(Native::<MountainCarContinuous>::new(spec, lanes)),
        "Pendulum-v1" => Box::new(Native::<Pendulum>::new(spec, lanes)),
        #[cfg(feature = "test-environments")]
        catalogue::TEST_CART_POLE => Box::new(Native::<CartPole>::new(spec, lanes)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::{Actions, LaneMatrix, Transitions};

    const LANES: usize = 3;

    #[test]
    fn every_environment_of_the_catalogue_opens() {
        for spec in catalogue::native() {
            let environment =
                native(&spec.id, LANES).expect("the catalogue lists native environments");
            assert_eq!(environment.spec(), spec);
            assert_eq!(environment.lanes(), LANES);
        }
        assert!(native("LunarLander-v3", LANES).is_none());
    }

    /// Two steps of a continuous environment with this action in the middle lane; returns the outer
    /// lanes' observations.
    fn neighbours_of(id: &str, action: f32) -> Vec<f32> {
        let mut environment = native(id, LANES).expect("the environment is native");
        let features = environment.spec().observation_space.dimensions();
        let mut observations = LaneMatrix::zeros(features, LANES);
        for (lane, seed) in (0..LANES).zip(0..) {
            environment
                .reset(lane, seed, &mut observations)
                .expect("native environments never fail");
        }
        let mut actions = LaneMatrix::zeros(1, LANES);
        actions.set_lane(1, &[action]);
        let actions = Actions::Continuous(actions);
        let mut transitions = Transitions::new(LANES);
        for _ in 0..2 {
            environment
                .step(LANES, &actions, &mut observations, &mut transitions)
                .expect("native environments never fail");
        }
        observations.lane(0).chain(observations.lane(2)).collect()
    }

    #[test]
    fn an_action_that_is_not_finite_spoils_its_own_lane_only() {
        for id in ["MountainCarContinuous-v0", "Pendulum-v1"] {
            let healthy = neighbours_of(id, 0.5);
            for action in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
                assert_eq!(neighbours_of(id, action), healthy, "{id} with {action}");
            }
        }
    }
}
