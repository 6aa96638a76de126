//! A valid evaluation request. [`Body`](body::Body) is what a client sends; validation turns it
//! into a [`Request`].

pub mod body;
mod complaints;
mod excerpt;
mod field_error;
mod hyperparameter;
mod limits;
mod schema;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tars_engine::policy_file::Algorithm;

use crate::agent::AgentState;

pub use complaints::check_hyperparameters;
pub use excerpt::{EXCERPT_CHARACTERS, excerpt};
pub use field_error::FieldError;
pub use hyperparameter::Hyperparameter;
pub use schema::hyperparameters as hyperparameters_schema;

/// Everything a worker needs to evaluate an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The policy.
    pub agent_state: AgentState,
    /// What to do with it.
    pub parameters: Parameters,
}

/// What to evaluate and how, without the policy's bytes.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a field of its own in a request"
)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// The algorithm that trained the agent.
    pub agent_type: Algorithm,
    /// Gymnasium ids, without repetition.
    pub environments: Vec<String>,
    /// Episodes per environment.
    pub num_episodes: u32,
    /// Episode `i` is reset with `seed + i`.
    pub seed: u64,
    /// Greedy or mean actions; otherwise they are sampled.
    pub deterministic: bool,
    /// Which queue it waits in.
    pub priority: Priority,
    /// Wall time that each environment may take.
    pub timeout_seconds: u32,
    /// Whether results carry a comparison with the best baseline.
    pub compare_to_baseline: bool,
    /// Whether that comparison says if the agent regressed.
    pub detect_regressions: bool,
    /// Stored with the result.
    pub hyperparameters: BTreeMap<String, Hyperparameter>,
    /// Free tags.
    pub labels: BTreeMap<String, String>,
    /// Training losses, oldest first, for `mean_loss` and `loss_trend`.
    pub losses: Vec<f64>,
    /// Where a signed message goes when the job has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// Whether an environment may end before its last episode.
    #[serde(default, skip_serializing_if = "Stop::is_never")]
    pub stop: Stop,
    /// Whether an equal result that is stored already may answer.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub reuse: bool,
}

fn yes() -> bool {
    true
}

impl Parameters {
    /// Episodes over all environments.
    pub fn episodes_total(&self) -> u32 {
        self.num_episodes
            .saturating_mul(u32::try_from(self.environments.len()).unwrap_or(u32::MAX))
    }
}

/// Whether an environment may end before its last episode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// All episodes run.
    #[default]
    Never,
    /// As soon as the verdict against the baseline is safe.
    WhenDecided,
}

impl Stop {
    /// Whether all episodes run, which is what a request of before this field means.
    pub fn is_never(&self) -> bool {
        *self == Self::Never
    }
}

impl FromStr for Stop {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "never" => Ok(Self::Never),
            "when_decided" => Ok(Self::WhenDecided),
            _ => Err("must be never or when_decided".to_owned()),
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Never => "never",
            Self::WhenDecided => "when_decided",
        })
    }
}

/// Which queues a job waits in. While all three wait, sixteen turns are shared as said here; what is
/// empty leaves its turns to the others.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Twelve turns.
    High,
    /// Three turns. The default.
    #[default]
    Normal,
    /// One turn.
    Low,
}

impl Priority {
    /// Every priority, the most urgent first.
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];

    /// The name in JSON, in the store and in queue names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Priority {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL
            .into_iter()
            .find(|priority| priority.as_str() == text);
        known.ok_or_else(|| "must be high, normal or low".to_owned())
    }
}
