//! How far this worker's deliveries have come in each line.
//!
//! A queue delivers the messages of a line in the order of their publication. So once a job is
//! delivered, the messages of all jobs of its line that were dispatched before it was even submitted
//! have been delivered too, or are lost.

use std::sync::Mutex;
use std::sync::PoisonError;

use chrono::{DateTime, Utc};
use tars_shared::line::Line;
use tars_shared::submission::Submission;

/// The youngest submission delivered so far, by line.
#[derive(Debug, Default)]
pub(crate) struct Delivered([Mutex<Option<DateTime<Utc>>>; Line::COUNT]);

impl Delivered {
    /// Notes a delivery.
    pub(crate) fn note(&self, submission: &Submission) {
        let youngest = &self.0[submission.line().index()];
        let mut youngest = youngest.lock().unwrap_or_else(PoisonError::into_inner);
        *youngest = (*youngest).max(Some(submission.submitted_at));
    }

    /// When the youngest job of this line that was delivered here had been submitted.
    pub(crate) fn youngest(&self, line: Line) -> Option<DateTime<Utc>> {
        *self.0[line.index()]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
