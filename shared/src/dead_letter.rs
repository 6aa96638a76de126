//! Dead letters: what ended without a result, with the reason that a person can act on.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::job::FailureKind;

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
    /// The bytes of a message that cannot be read.
    #[serde(skip)]
    pub body: Option<Vec<u8>>,
}

/// Which dead letters to list. The default lists all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// Only failures of this kind.
    pub kind: Option<FailureKind>,
    /// Only those older than this place in the listing: time and id of the last one seen.
    pub before: Option<(DateTime<Utc>, Uuid)>,
}
