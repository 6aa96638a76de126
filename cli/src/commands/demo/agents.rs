//! The example policies, which are part of the binary. How they were trained and what
//! Stable-Baselines3 measures for them is beside them in `examples/policies`.

use crate::client::AgentFile;

macro_rules! example {
    ($file:literal) => {
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../examples/policies/",
            $file
        ))
    };
}

pub(super) static CARTPOLE: AgentFile = AgentFile::embedded(example!("cartpole-ppo.zip"), None);
pub(super) static CARTPOLE_UNDERTRAINED: AgentFile =
    AgentFile::embedded(example!("cartpole-ppo-regressed.zip"), None);
pub(super) static ACROBOT: AgentFile = AgentFile::embedded(example!("acrobot-ppo.zip"), None);
pub(super) static MOUNTAIN_CAR: AgentFile =
    AgentFile::embedded(example!("mountaincar-dqn.zip"), None);
pub(super) static PENDULUM: AgentFile = AgentFile::embedded(
    example!("pendulum-ppo-normalized.zip"),
    Some(example!("pendulum-ppo-normalized.pkl")),
);
/// The same policy, but its owner forgot the statistics that it was trained under.
pub(super) static PENDULUM_WITHOUT_STATISTICS: AgentFile =
    AgentFile::embedded(example!("pendulum-ppo-normalized.zip"), None);
