//! A replay of dead letters as the service shows it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use tars_shared::replay::{Counts, Refusal, ReplayState};
use uuid::Uuid;

use crate::render::number::count;

/// A replay of dead letters as the service shows it.
#[derive(Debug, Deserialize)]
pub(crate) struct Replay {
    pub(crate) id: Uuid,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) created_by: String,
    pub(crate) state: ReplayState,
    pub(crate) reason: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) wave: Option<u32>,
    pub(crate) counts: Counts,
    pub(crate) refusals: BTreeMap<Refusal, u64>,
}

impl Replay {
    /// Where it is, in one line.
    pub(crate) fn sentence(&self) -> String {
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
    pub(crate) fn progress(&self) -> String {
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
    pub(crate) fn exit_code(&self) -> u8 {
        let clean = self.state == ReplayState::Finished && self.counts.failed == 0;
        u8::from(!clean || self.counts.refused > 0)
    }
}
