//! A dead letter as the service shows it.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use tars_shared::dead_letter::State;
use tars_shared::job::{Failure, FailureKind};
use uuid::Uuid;

/// A dead letter as the service shows it.
#[derive(Debug, Deserialize)]
pub(crate) struct Letter {
    pub(crate) id: Uuid,
    pub(crate) at: DateTime<Utc>,
    pub(crate) kind: FailureKind,
    pub(crate) reason: String,
    pub(crate) state: State,
    pub(crate) replays: u32,
    pub(crate) replayed_as: Option<Uuid>,
    pub(crate) note: Option<String>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) request: Option<Brief>,
    /// Only where one letter is shown.
    #[serde(default)]
    pub(crate) failures: Vec<Failure>,
    #[serde(default)]
    pub(crate) submission: Option<Value>,
}

/// What its request was about.
#[derive(Debug, Deserialize)]
pub(crate) struct Brief {
    pub(crate) agent_type: String,
    pub(crate) environments: Vec<String>,
    pub(crate) submitter: String,
}
