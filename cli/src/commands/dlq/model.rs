//! Dead letters and replays as the service shows them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use tars_shared::dead_letter::State;
use tars_shared::job::{Failure, FailureKind};
use tars_shared::replay::{Counts, Refusal, ReplayState};
use uuid::Uuid;

use crate::render::number::count;

#[derive(Debug, Deserialize)]
pub(super) struct Letter {
    pub(super) id: Uuid,
    pub(super) at: DateTime<Utc>,
    pub(super) kind: FailureKind,
    pub(super) reason: String,
    pub(super) state: State,
    pub(super) replays: u32,
    pub(super) replayed_as: Option<Uuid>,
    pub(super) note: Option<String>,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) request: Option<Brief>,
    /// Only where one letter is shown.
    #[serde(default)]
    pub(super) failures: Vec<Failure>,
    #[serde(default)]
    pub(super) submission: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Brief {
    pub(super) agent_type: String,
    pub(super) environments: Vec<String>,
    pub(super) submitter: String,
}

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

#[derive(Debug, Deserialize)]
pub(super) struct Replay {
    pub(super) id: Uuid,
    pub(super) created_at: DateTime<Utc>,
    pub(super) created_by: String,
    pub(super) state: ReplayState,
    pub(super) reason: Option<String>,
    pub(super) note: Option<String>,
    pub(super) wave: Option<u32>,
    pub(super) counts: Counts,
    pub(super) refusals: BTreeMap<Refusal, u64>,
}

impl Replay {
    /// Where it is, in one line.
    pub(super) fn sentence(&self) -> String {
        let reason = self.reason.as_deref().map(|reason| format!(" ({reason})"));
        format!(
            "replay {} is {}{}: {}",
            self.id,
            self.state,
            reason.unwrap_or_default(),
            self.progress()
        )
    }

    /// How far it has come.
    pub(super) fn progress(&self) -> String {
        let Counts {
            total,
            queued,
            succeeded,
            failed,
            refused,
            remaining,
        } = self.counts;
        let mut parts = vec![format!(
            "{} of {} succeeded",
            count(succeeded),
            count(total)
        )];
        for (number, what) in [
            (failed, "failed again"),
            (queued, "under way"),
            (refused, "refused"),
            (remaining, "remain"),
        ] {
            if number > 0 {
                parts.push(format!("{} {what}", count(number)));
            }
        }
        parts.join(", ")
    }

    /// The exit code that tells a script what came of it.
    pub(super) fn exit_code(&self) -> u8 {
        let clean = self.state == ReplayState::Finished && self.counts.failed == 0;
        u8::from(!clean || self.counts.refused > 0)
    }
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
