//! The algorithms whose policies are evaluated.

mod parse;

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::names;

/// The algorithm that trained an agent. Read in any case, written in upper case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE", try_from = "String")]
pub enum Algorithm {
    /// Deep Q-network.
    Dqn,
    /// Advantage actor-critic.
    A2c,
    /// Proximal policy optimization.
    Ppo,
    /// Deep deterministic policy gradient.
    Ddpg,
    /// Soft actor-critic.
    Sac,
    /// Twin delayed deep deterministic policy gradient.
    Td3,
    /// Truncated quantile critics.
    Tqc,
    /// Quantile-regression deep Q-network.
    QrDqn,
    /// Trust region policy optimization.
    Trpo,
    /// Augmented random search.
    Ars,
    /// Cross-Q, whose actor has batch normalisation.
    CrossQ,
    /// Proximal policy optimization with invalid actions masked; no environment here masks any.
    MaskablePpo,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Dqn,
        Self::A2c,
        Self::Ppo,
        Self::Ddpg,
        Self::Sac,
        Self::Td3,
        Self::Tqc,
        Self::QrDqn,
        Self::Trpo,
        Self::Ars,
        Self::CrossQ,
        Self::MaskablePpo,
    ];

    /// Its name, in upper case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dqn => "DQN",
            Self::A2c => "A2C",
            Self::Ppo => "PPO",
            Self::Ddpg => "DDPG",
            Self::Sac => "SAC",
            Self::Td3 => "TD3",
            Self::Tqc => "TQC",
            Self::QrDqn => "QRDQN",
            Self::Trpo => "TRPO",
            Self::Ars => "ARS",
            Self::CrossQ => "CROSSQ",
            Self::MaskablePpo => "MASKABLEPPO",
        }
    }

    /// The names of several, for messages: `A2C, PPO or TRPO`.
    pub(super) fn names(algorithms: &[Self]) -> String {
        let names: Vec<&str> = algorithms
            .iter()
            .map(|algorithm| algorithm.name())
            .collect();
        match names.split_last() {
            Some((last, before)) if !before.is_empty() => {
                format!("{} or {last}", before.join(", "))
            }
            _ => names.concat(),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl JsonSchema for Algorithm {
    fn schema_name() -> Cow<'static, str> {
        "Algorithm".into()
    }

    /// What is read and what is written differ, so no definition could stand for both.
    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        names::schema(generator, &Self::ALL.map(Self::name), "")
    }
}
