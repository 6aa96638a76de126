//! Dead letters: what ended without a result, with the reason that a person can act on.

mod fingerprint;
mod keeping;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tars_engine::policy_file::Algorithm;
use uuid::Uuid;

pub use self::fingerprint::{fingerprint, folded};
pub use self::keeping::Keeping;

use crate::job::FailureKind;
use crate::request::{Parameters, Priority};

/// A job that failed for good, or a message that could not become one.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DeadLetter {
    /// The job's id; the message's where it names no job.
    pub id: Uuid,
    /// The job that failed.
    pub job_id: Option<Uuid>,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// What sort of failure it was.
    pub kind: FailureKind,
    /// What a person can act on.
    pub reason: String,
    /// What became of it.
    pub state: State,
    /// The group that it belongs to: letters of one kind, agent type and environments, with the same reason but
    /// for numbers and ids. Null for a moment where an older release wrote it.
    pub fingerprint: Option<String>,
    /// How many replays led to it: 0 for a job that was submitted, 1 for its replay, and so on.
    pub replays: u32,
    /// Since when that is so; null where nothing became of it yet.
    pub state_since: Option<DateTime<Utc>>,
    /// The job that it was replayed as.
    pub replayed_as: Option<Uuid>,
    /// What was noted when it was discarded.
    pub note: Option<String>,
    /// What the job that failed was asked for.
    pub request: Option<Brief>,
    /// The bytes of a message that cannot be read.
    #[serde(skip)]
    pub body: Option<Vec<u8>>,
}

/// What of a request tells dead letters apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Brief {
    /// The algorithm that trained the agent.
    pub agent_type: Algorithm,
    /// Gymnasium's ids.
    pub environments: Vec<String>,
    /// Free tags.
    pub labels: BTreeMap<String, String>,
    /// Which queue it waited in.
    pub priority: Priority,
    /// Who submitted it.
    pub submitter: String,
}

impl Brief {
    /// Of what was asked for by whom.
    pub fn of(parameters: Parameters, submitter: String) -> Self {
        Self {
            agent_type: parameters.agent_type,
            environments: parameters.environments,
            labels: parameters.labels,
            priority: parameters.priority,
            submitter,
        }
    }
}

/// What became of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nothing yet.
    Open,
    /// It goes on as another job.
    Replayed,
    /// Nobody wants it; it can be restored until retention takes it.
    Discarded,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Open, Self::Replayed, Self::Discarded];

    /// The name in JSON and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Replayed => "replayed",
            Self::Discarded => "discarded",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|state| state.as_str() == text);
        known.ok_or_else(|| "must be open, replayed or discarded".to_owned())
    }
}

/// Which dead letters. The default means all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeadLetterFilter {
    /// Only failures of this kind.
    pub kind: Option<FailureKind>,
    /// Only jobs of this algorithm.
    pub agent_type: Option<Algorithm>,
    /// Only jobs that name this environment.
    pub environment: Option<String>,
    /// Only jobs with this label and value.
    pub label: Option<(String, String)>,
    /// Only jobs of this submitter.
    pub submitter: Option<String>,
    /// Only those whose reason holds this text, in any case.
    pub reason: Option<String>,
    /// Only those that ended before this moment.
    pub older_than: Option<DateTime<Utc>>,
    /// Only those that ended at this moment or later.
    pub newer_than: Option<DateTime<Utc>>,
    /// Only those of which this became.
    pub state: Option<State>,
    /// Only those of this group.
    pub fingerprint: Option<String>,
}

/// Dead letters that differ in numbers and ids alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Group {
    /// Its name, to filter by.
    pub fingerprint: String,
    /// What sort of failure it is.
    pub kind: FailureKind,
    /// The reason, with `#` for numbers and ids.
    pub reason: String,
    /// The algorithm of the agents; null for messages that are no job's.
    pub agent_type: Option<Algorithm>,
    /// The environments.
    pub environments: Vec<String>,
    /// How many are open.
    pub open: u64,
    /// How many were replayed.
    pub replayed: u64,
    /// How many were discarded.
    pub discarded: u64,
    /// When the first one ended.
    pub first_seen: DateTime<Utc>,
    /// When the last one ended.
    pub last_seen: DateTime<Utc>,
    /// When one of them was last replayed.
    pub last_replayed_at: Option<DateTime<Utc>>,
    /// How many ended after that; all of them where none was replayed.
    pub new_since_replay: u64,
}
