//! What the service says that no other command shows.

use serde::Deserialize;

/// How the parts do.
#[derive(Debug, Deserialize)]
pub(super) struct Health {
    /// `healthy`, `degraded` or `unhealthy`.
    pub(super) status: String,
    pub(super) version: String,
    pub(super) detail: String,
    pub(super) parts: Vec<Part>,
}

/// One part of the service.
#[derive(Debug, Deserialize)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) state: String,
    pub(super) latency_ms: f64,
    pub(super) host: Option<String>,
    pub(super) role: Option<String>,
    pub(super) detail: Option<String>,
}

/// What an autoscaler is told.
#[derive(Debug, Deserialize)]
pub(super) struct Demand {
    pub(super) workers_wanted: u32,
    pub(super) workers: u32,
    pub(super) slots: u32,
}

/// The first page of a listing.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Whether there is more than this page.
    pub(super) fn has_more(&self) -> bool {
        self.next_cursor.is_some()
    }
}
