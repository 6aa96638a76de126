//! Proves that the native environments are Gymnasium's, bit for bit, on trajectories that Gymnasium
//! itself recorded.
//!
//! `golden/trajectories.py` says what is recorded and records it. The episodes are replayed as a
//! rollout would run them: several lanes in lockstep, a new episode in a lane as soon as its last
//! one ends, and lanes moved when none is left.
//!
//! On a CPU without fused multiply-add the C library rounds differently, and Acrobot and Pendulum
//! fail here as Gymnasium's own recordings would there.

#[path = "gymnasium_parity/golden.rs"]
mod golden;

use std::fmt::Debug;

use golden::{Golden, RecordedActions};
use tars_engine::catalogue;
use tars_engine::environment::{self, Environment};
use tars_engine::lanes::{Actions, LaneMatrix, Transitions};
use tars_engine::space::ActionSpace;

#[test]
fn acrobot_is_gymnasiums_bit_for_bit() {
    replay("Acrobot-v1");
}

#[test]
fn cart_pole_is_gymnasiums_bit_for_bit() {
    replay("CartPole-v1");
}

#[test]
fn mountain_car_is_gymnasiums_bit_for_bit() {
    replay("MountainCar-v0");
}

#[test]
fn mountain_car_continuous_is_gymnasiums_bit_for_bit() {
    replay("MountainCarContinuous-v0");
}

#[test]
fn pendulum_is_gymnasiums_bit_for_bit() {
    replay("Pendulum-v1");
}

#[test]
fn first_observations_of_many_seeds_are_gymnasiums_bit_for_bit() {
    for spec in catalogue::native() {
        let golden = Golden::read(&spec.id);
        let mut environment = environment::native(&spec.id, 1).unwrap();
        let mut observations = LaneMatrix::zeros(golden.features, 1);
        for (&seed, expected) in golden.reset_seeds.iter().zip(golden.reset_observations()) {
            environment.reset(0, seed, &mut observations).unwrap();
            check_observation(
                &observations,
                0,
                expected,
                &format!("{} seed {seed} reset", spec.id),
            );
        }
    }
}

/// The recordings are of little use if they miss what the environments distinguish.
#[test]
fn recordings_contain_every_kind_of_end() {
    for spec in catalogue::native() {
        let golden = Golden::read(&spec.id);
        assert!(golden.seeds.len() >= 20, "{}: too few episodes", spec.id);
        assert!(
            golden.truncated.contains(&true),
            "{}: nothing was truncated",
            spec.id
        );
        let terminates = spec.id != "Pendulum-v1";
        assert_eq!(golden.terminated.contains(&true), terminates, "{}", spec.id);
        let both = golden
            .terminated
            .iter()
            .zip(&golden.truncated)
            .any(|ends| ends == (&true, &true));
        assert!(
            both || spec.id != "CartPole-v1",
            "no pole fell in the last step"
        );
    }
}

/// Replays all episodes of one environment with several numbers of lanes.
fn replay(id: &str) {
    let golden = Golden::read(id);
    for lanes in [1, 3, 16, golden.seeds.len() + 1] {
        Replay::new(id, &golden, lanes).run();
    }
}

/// One pass over all recorded episodes.
struct Replay<'a> {
    id: &'a str,
    golden: &'a Golden,
    environment: Box<dyn Environment>,
    observations: LaneMatrix,
    transitions: Transitions,
    actions: Actions,
    /// What each active lane replays: the episode and the number of steps made.
    active: Vec<(usize, usize)>,
}

impl<'a> Replay<'a> {
    fn new(id: &'a str, golden: &'a Golden, lanes: usize) -> Self {
        let environment = environment::native(id, lanes).expect("the environment is native");
        assert_eq!(environment.lanes(), lanes);
        let actions = match environment.spec().action_space {
            ActionSpace::Discrete { .. } => Actions::Discrete(vec![0; lanes]),
            ActionSpace::Box(_) => Actions::Continuous(LaneMatrix::zeros(1, lanes)),
        };
        Self {
            id,
            golden,
            environment,
            observations: LaneMatrix::zeros(golden.features, lanes),
            transitions: Transitions::new(lanes),
            actions,
            active: Vec::new(),
        }
    }

    fn run(&mut self) {
        let mut waiting = 0..self.golden.seeds.len();
        for (lane, episode) in waiting.by_ref().take(self.environment.lanes()).enumerate() {
            self.active.push((episode, 0));
            self.start(lane);
        }
        while !self.active.is_empty() {
            self.step();
            // From the last lane down, so that the lane that moves into a gap has been looked at
            // already.
            for lane in (0..self.active.len()).rev() {
                let (episode, steps) = self.active[lane];
                if steps < self.golden.lengths[episode] {
                    continue;
                }
                if let Some(next) = waiting.next() {
                    self.active[lane] = (next, 0);
                    self.start(lane);
                } else {
                    self.active.swap_remove(lane);
                    self.environment.move_lane(self.active.len(), lane);
                }
            }
        }
        assert!(waiting.is_empty());
    }

    fn start(&mut self, lane: usize) {
        let (episode, _) = self.active[lane];
        let seed = self.golden.seeds[episode];
        self.environment
            .reset(lane, seed, &mut self.observations)
            .expect("native environments never fail");
        self.check_observation(lane);
    }

    fn step(&mut self) {
        for (lane, &(episode, steps)) in self.active.iter().enumerate() {
            let step = self.golden.step(episode, steps);
            match (&mut self.actions, &self.golden.actions) {
                (Actions::Discrete(lanes), RecordedActions::Discrete(recorded)) => {
                    lanes[lane] = recorded[step].into();
                }
                (Actions::Continuous(lanes), RecordedActions::Continuous(recorded)) => {
                    lanes.set_lane(lane, &[recorded[step]]);
                }
                _ => panic!("{}: recorded actions of the wrong kind", self.id),
            }
        }
        self.environment
            .step(
                self.active.len(),
                &self.actions,
                &mut self.observations,
                &mut self.transitions,
            )
            .expect("native environments never fail");
        for lane in 0..self.active.len() {
            let (episode, steps) = self.active[lane];
            let step = self.golden.step(episode, steps);
            self.active[lane].1 += 1;
            let position = self.position(lane);
            let reward = self.transitions.rewards[lane];
            check_bits(
                reward.to_bits(),
                self.golden.rewards[step].to_bits(),
                f64::from_bits,
                &position,
                "reward",
            );
            assert_eq!(
                self.transitions.terminated[lane], self.golden.terminated[step],
                "{position}: terminated"
            );
            assert_eq!(
                self.transitions.truncated[lane], self.golden.truncated[step],
                "{position}: truncated"
            );
            self.check_observation(lane);
        }
    }

    fn check_observation(&self, lane: usize) {
        let (episode, steps) = self.active[lane];
        let expected = self.golden.observation(episode, steps);
        check_observation(&self.observations, lane, expected, &self.position(lane));
    }

    /// Names the step for a reader of a failed assertion.
    fn position(&self, lane: usize) -> String {
        let (episode, steps) = self.active[lane];
        let lanes = self.environment.lanes();
        format!(
            "{} seed {} step {steps} (lane {lane} of {lanes})",
            self.id, self.golden.seeds[episode]
        )
    }
}

fn check_observation(observations: &LaneMatrix, lane: usize, expected: &[f32], position: &str) {
    assert_eq!(
        observations.features(),
        expected.len(),
        "{position}: number of features"
    );
    for (feature, (ours, theirs)) in observations.lane(lane).zip(expected).enumerate() {
        let field = format!("observation[{feature}]");
        check_bits(
            ours.to_bits(),
            theirs.to_bits(),
            f32::from_bits,
            position,
            &field,
        );
    }
}

fn check_bits<Bits: PartialEq + Copy, Number: Debug>(
    ours: Bits,
    theirs: Bits,
    from_bits: impl Fn(Bits) -> Number,
    position: &str,
    field: &str,
) {
    assert!(
        ours == theirs,
        "{position}: {field} is {:?}, in Gymnasium {:?}",
        from_bits(ours),
        from_bits(theirs)
    );
}
