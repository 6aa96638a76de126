//! A worker as the service shows it.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

/// A worker as the service shows it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Worker {
    pub(crate) name: String,
    /// `working`, `draining` or `gone`.
    pub(crate) state: String,
    /// The machine that it runs on; unknown of versions that do not say.
    #[serde(default)]
    pub(crate) host: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) started_at: Option<DateTime<Utc>>,
    pub(crate) seen_at: DateTime<Utc>,
    pub(crate) slots: u32,
    pub(crate) busy: u32,
    pub(crate) running: Vec<Uuid>,
}
