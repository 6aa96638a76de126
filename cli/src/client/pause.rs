//! A pause as the service shows it.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

/// The pauses in force.
#[derive(Debug, Deserialize)]
pub(crate) struct Pauses {
    pub(crate) items: Vec<Pause>,
}

/// A pause as the service shows it.
#[derive(Debug, Deserialize)]
pub(crate) struct Pause {
    pub(crate) id: Uuid,
    pub(crate) scope: String,
    pub(crate) value: Option<String>,
    pub(crate) reason: String,
    pub(crate) paused_by: String,
    pub(crate) since: DateTime<Utc>,
    pub(crate) until: Option<DateTime<Utc>>,
    /// Jobs that are set aside for it.
    pub(crate) held: u64,
}

impl Pause {
    /// Which jobs.
    pub(crate) fn what(&self) -> String {
        match &self.value {
            Some(value) => format!("{} {value}", self.scope),
            None => self.scope.clone(),
        }
    }
}
