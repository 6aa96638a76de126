//! Groups of dead letters, and dry runs of replays, as the service shows them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use tars_shared::job::FailureKind;
use tars_shared::replay::Refusal;
use uuid::Uuid;

#[derive(Debug, Deserialize)]
pub(super) struct Groups {
    pub(super) groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Group {
    pub(super) fingerprint: String,
    pub(super) kind: FailureKind,
    pub(super) reason: String,
    pub(super) agent_type: Option<String>,
    pub(super) environments: Vec<String>,
    pub(super) open: u64,
    pub(super) replayed: u64,
    pub(super) discarded: u64,
    pub(super) last_seen: DateTime<Utc>,
    pub(super) new_since_replay: u64,
}

/// What a dry run says.
#[derive(Debug, Deserialize)]
pub(super) struct Rehearsal {
    pub(super) matched: u64,
    pub(super) would_run: u64,
    pub(super) refused: BTreeMap<Refusal, u64>,
    pub(super) refusals: Vec<WouldRefuse>,
    pub(super) samples: Vec<Sample>,
    pub(super) complete: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct WouldRefuse {
    pub(super) id: Uuid,
    pub(super) refusal: Refusal,
    pub(super) detail: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Sample {
    pub(super) before: Value,
    pub(super) after: Value,
}
