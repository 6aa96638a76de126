//! An environment whose episodes are known in advance and which checks that it is driven as its
//! trait says.

use tars_engine::catalogue::{EnvironmentSpec, SuccessRule};
use tars_engine::environment::{self, Environment};
use tars_engine::lanes::{Actions, LaneMatrix, Transitions};
use tars_engine::space::{ActionSpace, BoxSpace};

/// Ends an episode after `seed % 7 + 1` steps, each of which pays the seed and observes how many
/// steps were taken.
pub(crate) struct Countdown {
    spec: EnvironmentSpec,
    seeds: Vec<u64>,
    elapsed: Vec<u64>,
    /// Observes NaN from this step of this seed on.
    pub(crate) broken: Option<(u64, u64)>,
}

impl Countdown {
    pub(crate) fn new(lanes: usize) -> Self {
        let spec = EnvironmentSpec {
            id: "Countdown-v0".into(),
            version: 0,
            observation_space: BoxSpace {
                low: vec![0.0],
                high: vec![7.0],
            },
            action_space: ActionSpace::Discrete { n: 3 },
            max_episode_steps: 7,
            success: SuccessRule::GoalWithin { steps: 4 },
            reward_threshold: None,
        };
        Self {
            spec,
            seeds: vec![u64::MAX; lanes],
            elapsed: vec![0; lanes],
            broken: None,
        }
    }
}

impl Environment for Countdown {
    fn spec(&self) -> &EnvironmentSpec {
        &self.spec
    }

    fn lanes(&self) -> usize {
        self.seeds.len()
    }

    fn reset(
        &mut self,
        lane: usize,
        seed: u64,
        observations: &mut LaneMatrix,
    ) -> Result<(), environment::Error> {
        (self.seeds[lane], self.elapsed[lane]) = (seed, 0);
        observations.set_lane(lane, &[0.0]);
        Ok(())
    }

    fn step(
        &mut self,
        active: usize,
        _: &Actions,
        observations: &mut LaneMatrix,
        transitions: &mut Transitions,
    ) -> Result<(), environment::Error> {
        for lane in 0..active {
            let expected = (self.elapsed[lane] as f32).to_bits();
            let observed = observations.row(0)[lane].to_bits();
            assert_eq!(observed, expected, "the observation follows its lane");
            self.elapsed[lane] += 1;
            let nan = self.broken == Some((self.seeds[lane], self.elapsed[lane]));
            observations.set_lane(
                lane,
                &[if nan {
                    f32::NAN
                } else {
                    self.elapsed[lane] as f32
                }],
            );
            transitions.rewards[lane] = self.seeds[lane] as f64;
            let over = self.elapsed[lane] > self.seeds[lane] % 7;
            transitions.terminated[lane] = over;
            transitions.truncated[lane] = over && self.elapsed[lane] == 7;
        }
        Ok(())
    }

    fn move_lane(&mut self, from: usize, to: usize) {
        assert!(
            self.elapsed[to] > self.seeds[to] % 7,
            "only an ended lane is overwritten"
        );
        self.seeds[to] = self.seeds[from];
        self.elapsed[to] = self.elapsed[from];
    }
}
