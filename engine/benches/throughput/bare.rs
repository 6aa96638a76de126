//! An environment without a policy: actions take turns, and lanes that reach their end are reset.

use tars_engine::environment::{self, Environment};
use tars_engine::lanes::{Actions, LaneMatrix, Transitions};
use tars_engine::space::ActionSpace;

/// Lanes of one native environment that never rest.
pub(crate) struct Bare {
    environment: Box<dyn Environment>,
    observations: LaneMatrix,
    transitions: Transitions,
    turns: Vec<Actions>,
    rounds: usize,
    seed: u64,
}

impl Bare {
    /// In round `r` lane `l` takes the discrete action `(l + r) % n`, or the zero vector of a box.
    pub(crate) fn new(id: &str, lanes: usize) -> Self {
        let environment = environment::native(id, lanes).expect("the catalogue names it");
        let spec = environment.spec();
        let turns = match &spec.action_space {
            ActionSpace::Discrete { n } => {
                let all = || (0..).take(*n);
                let turn = |first| all().cycle().skip(first).take(lanes).collect();
                (0..*n)
                    .map(|first| Actions::Discrete(turn(first)))
                    .collect()
            }
            ActionSpace::Box(space) => vec![Actions::Continuous(LaneMatrix::zeros(
                space.dimensions(),
                lanes,
            ))],
        };
        let mut bare = Self {
            observations: LaneMatrix::zeros(spec.observation_space.dimensions(), lanes),
            transitions: Transitions::new(lanes),
            environment,
            turns,
            rounds: 0,
            seed: 0,
        };
        for lane in 0..lanes {
            bare.reset(lane);
        }
        bare
    }

    /// Steps every lane once.
    pub(crate) fn step(&mut self) {
        let lanes = self.environment.lanes();
        let actions = &self.turns[self.rounds % self.turns.len()];
        self.environment
            .step(
                lanes,
                actions,
                &mut self.observations,
                &mut self.transitions,
            )
            .expect("native environments never fail");
        self.rounds += 1;
        for lane in 0..lanes {
            if self.transitions.terminated[lane] || self.transitions.truncated[lane] {
                self.reset(lane);
            }
        }
    }

    fn reset(&mut self, lane: usize) {
        self.environment
            .reset(lane, self.seed, &mut self.observations)
            .expect("native environments never fail");
        self.seed += 1;
    }
}
