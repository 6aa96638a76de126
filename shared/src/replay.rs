//! A replay of dead letters, done as a careful release: a fixed set, a few first, then more, at a rate, and an
//! end by itself when what it replays fails again.

pub mod document;
pub mod judging;
pub mod pace;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::artifact::Digest;
use crate::dead_letter::DeadLetterFilter;
use crate::request::Priority;

/// The namespace of replays that derive from an idempotency key.
const REPLAYS: Uuid = Uuid::from_u128(0x7a25_11b7_4f0c_5c58_9d8e_3f5d_8b64_0e03);

/// The replay of an idempotency key: the same owner and key always give the same one.
pub fn keyed_replay_id(owner: &str, idempotency_key: &str) -> Uuid {
    Uuid::new_v5(&REPLAYS, format!("{owner}\0{idempotency_key}").as_bytes())
}

/// Which dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Selection {
    /// These.
    Ids(Vec<Uuid>),
    /// Those that pass.
    Filter(Box<DeadLetterFilter>),
}

/// How they are replayed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// So many first; the others only when these have ended well.
    pub canary: Option<u32>,
    /// Each wave after the canary is so many times larger than the one before.
    pub ramp: Option<f64>,
    /// No more than so many letters.
    pub limit: Option<u32>,
    /// No more than so many jobs a second.
    pub rate_per_second: Option<f64>,
    /// It stops by itself when a larger share of what it replayed has failed again.
    pub stop_at_failure_rate: Option<f64>,
    /// Which queue the new jobs wait in.
    pub priority: Priority,
    /// A JSON merge patch (RFC 7396) on each request.
    pub patch: Option<Value>,
}

impl Plan {
    /// The same for people: no bytes of policies, nothing secret of a webhook's address.
    #[must_use]
    pub fn shown(&self) -> Self {
        Self {
            patch: self.patch.clone().map(document::shown),
            ..self.clone()
        }
    }
}

/// A replay to be begun.
#[derive(Debug, Clone, PartialEq)]
pub struct NewReplay {
    /// Its id.
    pub id: Uuid,
    /// Of the request as the client sent it, to recognise a key that comes back with another body.
    pub request_hash: Digest,
    /// Which letters.
    pub selection: Selection,
    /// How.
    pub plan: Plan,
    /// Why, in somebody's words.
    pub note: Option<String>,
}

/// A replay and how far it has come.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Replay {
    /// Its id.
    pub id: Uuid,
    /// When it was begun. Letters that came later are not among its own.
    pub created_at: DateTime<Utc>,
    /// Who began it.
    pub created_by: String,
    /// Which letters.
    #[schemars(with = "Value")]
    pub selection: Selection,
    /// How.
    #[serde(flatten)]
    pub plan: Plan,
    /// Why, in somebody's words.
    pub note: Option<String>,
    /// Where it is.
    pub state: ReplayState,
    /// Why it stopped or was paused.
    pub reason: Option<String>,
    /// Whether all its letters are found; before that, `total` grows.
    pub selected: bool,
    /// How many letters are where.
    pub counts: Counts,
    /// How many were refused, by reason.
    pub refusals: BTreeMap<Refusal, u64>,
    /// How many may run in the present wave; null without a canary.
    pub wave: Option<u32>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// How many letters of a replay are where: `total = queued + succeeded + failed + refused + remaining`, at every look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// All of them.
    pub total: u64,
    /// Their new jobs have not ended yet.
    pub queued: u64,
    /// Their new jobs are completed.
    pub succeeded: u64,
    /// Their new jobs failed again, or were cancelled.
    pub failed: u64,
    /// They were not replayed.
    pub refused: u64,
    /// Their turn has not come.
    pub remaining: u64,
}

/// A word with a name in JSON and in the store.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident $expected:literal { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)*
        }

        impl $name {
            /// The name in JSON and in the store.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err($expected.to_owned()),
                }
            }
        }
    };
}

words! {
    /// Where a replay is.
    ReplayState "must be selecting, running, paused, stopped, cancelled or finished" {
        /// Its letters are being found.
        Selecting = "selecting",
        /// Letters are replayed.
        Running = "running",
        /// Somebody paused it.
        Paused = "paused",
        /// It stopped by itself; it goes on when somebody resumes it.
        Stopped = "stopped",
        /// Somebody ended it. What was replayed goes on.
        Cancelled = "cancelled",
        /// Every letter is replayed and its job has ended, or is refused.
        Finished = "finished",
    }
}

words! {
    /// What became of one letter of a replay.
    Outcome "must be remaining, queued, succeeded, failed or refused" {
        /// Its turn has not come.
        Remaining = "remaining",
        /// Its new job has not ended yet.
        Queued = "queued",
        /// Its new job is completed.
        Succeeded = "succeeded",
        /// Its new job failed again, or was cancelled.
        Failed = "failed",
        /// It was not replayed.
        Refused = "refused",
    }
}

words! {
    /// Why a letter was not replayed.
    Refusal "must be already_replayed, max_replays, invalid, artifact_gone, completed_meanwhile, discarded or gone" {
        /// It goes on as another job already.
        AlreadyReplayed = "already_replayed",
        /// Replays led to it as often as the service allows.
        MaxReplays = "max_replays",
        /// Its request is not valid, or not after the patch.
        Invalid = "invalid",
        /// An artifact that its request names is not stored any more.
        ArtifactGone = "artifact_gone",
        /// A retry of its job has completed.
        CompletedMeanwhile = "completed_meanwhile",
        /// It is discarded.
        Discarded = "discarded",
        /// Retention has taken it.
        Gone = "gone",
    }
}

/// One letter of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Item {
    /// Its place in the replay, from 0: the oldest letter first.
    pub position: u64,
    /// The dead letter.
    pub letter_id: Uuid,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it was not replayed.
    pub refusal: Option<Refusal>,
    /// More about that.
    pub detail: Option<String>,
    /// The job that it was replayed as, or that it goes on as already.
    pub job_id: Option<Uuid>,
}

impl ReplayState {
    /// Whether it never goes on.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Cancelled | Self::Finished)
    }
}
