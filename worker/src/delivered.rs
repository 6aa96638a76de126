//! How far this worker's deliveries have come in each priority.
//!
//! A queue delivers the messages of a priority in the order of their publication. So once a job is
//! delivered, the messages of all jobs that were dispatched before it was even submitted have been
//! delivered too, or are lost.

use std::sync::Mutex;
use std::sync::PoisonError;

use chrono::{DateTime, Utc};
use tars_shared::request::Priority;
use tars_shared::submission::Submission;

/// The youngest submission delivered so far, by priority.
#[derive(Debug, Default)]
pub(crate) struct Delivered([Mutex<Option<DateTime<Utc>>>; 3]);

impl Delivered {
    /// Notes a delivery.
    pub(crate) fn note(&self, submission: &Submission) {
        let youngest = &self.0[submission.request.parameters.priority as usize];
        let mut youngest = youngest.lock().unwrap_or_else(PoisonError::into_inner);
        *youngest = (*youngest).max(Some(submission.submitted_at));
    }

    /// When the youngest job of this priority that was delivered here had been submitted.
    pub(crate) fn youngest(&self, priority: Priority) -> Option<DateTime<Utc>> {
        *self.0[priority as usize]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
