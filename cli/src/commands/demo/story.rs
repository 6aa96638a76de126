//! What the demo evaluates, and what should come of it.

use tars_engine::policy_file::Algorithm;

use super::agents;
use crate::client::AgentFile;

/// Episodes of an evaluation that is meant to be certain.
pub(super) const EPISODES: u32 = 1000;
/// Seeds that no baseline has seen.
const UNSEEN: u32 = 1_000_000;

/// What should come of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// A result, and nothing yet to compare it with.
    Measurement,
    Pass,
    Regression,
    Inconclusive,
    /// A reason that a person can act on.
    Failure,
}

/// One evaluation.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) name: &'static str,
    pub(super) agent: &'static AgentFile,
    pub(super) algorithm: Algorithm,
    pub(super) environment: &'static str,
    pub(super) episodes: u32,
    /// The baselines' own seeds start at 0: with them, episodes are compared one by one.
    pub(super) seed: u32,
    pub(super) expected: Expected,
}

/// What the team has.
pub(super) static GENERATION: [Plan; 4] = [
    Plan {
        name: "cartpole",
        agent: &agents::CARTPOLE,
        algorithm: Algorithm::Ppo,
        environment: "CartPole-v1",
        episodes: EPISODES,
        seed: 0,
        expected: Expected::Measurement,
    },
    Plan {
        name: "acrobot",
        agent: &agents::ACROBOT,
        algorithm: Algorithm::Ppo,
        environment: "Acrobot-v1",
        episodes: EPISODES,
        seed: 0,
        expected: Expected::Measurement,
    },
    Plan {
        name: "mountain car",
        agent: &agents::MOUNTAIN_CAR,
        algorithm: Algorithm::Dqn,
        environment: "MountainCar-v0",
        episodes: EPISODES,
        seed: 0,
        expected: Expected::Measurement,
    },
    Plan {
        name: "pendulum with VecNormalize",
        agent: &agents::PENDULUM,
        algorithm: Algorithm::Ppo,
        environment: "Pendulum-v1",
        episodes: EPISODES,
        seed: 0,
        expected: Expected::Measurement,
    },
];

/// What somebody wants to release.
pub(super) static CANDIDATES: [Plan; 6] = [
    Plan {
        name: "cartpole, unseen seeds",
        agent: &agents::CARTPOLE,
        algorithm: Algorithm::Ppo,
        environment: "CartPole-v1",
        episodes: EPISODES,
        seed: UNSEEN,
        expected: Expected::Pass,
    },
    Plan {
        name: "acrobot, unseen seeds",
        agent: &agents::ACROBOT,
        algorithm: Algorithm::Ppo,
        environment: "Acrobot-v1",
        episodes: EPISODES,
        seed: UNSEEN,
        expected: Expected::Pass,
    },
    Plan {
        name: "cartpole, undertrained",
        agent: &agents::CARTPOLE_UNDERTRAINED,
        algorithm: Algorithm::Ppo,
        environment: "CartPole-v1",
        episodes: EPISODES,
        seed: 0,
        expected: Expected::Regression,
    },
    Plan {
        name: "pendulum, VecNormalize forgotten",
        agent: &agents::PENDULUM_WITHOUT_STATISTICS,
        algorithm: Algorithm::Ppo,
        environment: "Pendulum-v1",
        episodes: EPISODES,
        seed: 0,
        expected: Expected::Regression,
    },
    Plan {
        name: "pendulum, only 10 episodes",
        agent: &agents::PENDULUM,
        algorithm: Algorithm::Ppo,
        environment: "Pendulum-v1",
        episodes: 10,
        seed: UNSEEN + EPISODES,
        expected: Expected::Inconclusive,
    },
    Plan {
        name: "acrobot's policy in CartPole",
        agent: &agents::ACROBOT,
        algorithm: Algorithm::Ppo,
        environment: "CartPole-v1",
        episodes: EPISODES,
        seed: 0,
        expected: Expected::Failure,
    },
];
