//! An accepted job whose row is not made yet, as far as clients want to know it.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tars_shared::cache::Cache;
use tars_shared::job::{Job, Progress, Status};
use tars_shared::request::Parameters;
use tars_shared::submission::Submission;
use uuid::Uuid;

/// How long a shared cache remembers it. By then a worker has made the row, or the queue still has
/// the message.
const NOTE_TTL: Duration = Duration::from_hours(24);

/// A submission without its policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AcceptedJob {
    id: Uuid,
    subject: String,
    submitted_at: DateTime<Utc>,
    retry_of: Option<Uuid>,
    parameters: Parameters,
}

impl AcceptedJob {
    pub(crate) fn of(submission: &Submission) -> Self {
        Self {
            id: submission.job_id,
            subject: submission.subject.clone(),
            submitted_at: submission.submitted_at,
            retry_of: submission.retry_of,
            parameters: submission.request.parameters.clone(),
        }
    }

    /// The job as its row will show it first.
    pub(crate) fn queued(self) -> Job {
        Job {
            id: self.id,
            subject: self.subject,
            status: Status::Queued,
            attempt: 0,
            interruptions: 0,
            submitted_at: self.submitted_at,
            started_at: None,
            finished_at: None,
            not_before: None,
            cancel_requested: false,
            progress: Progress {
                episodes_done: 0,
                episodes_total: self.parameters.episodes_total(),
            },
            verdict: None,
            retry_of: self.retry_of,
            failures: Vec::new(),
            parameters: self.parameters,
        }
    }

    /// Tells the other API processes, if they share the cache.
    pub(crate) async fn note(&self, cache: &dyn Cache) {
        // It is plain data. Should it ever not be, the others answer 503 instead of `queued`.
        if let Ok(json) = serde_json::to_vec(self) {
            cache.put(&key(self.id), Bytes::from(json), NOTE_TTL).await;
        }
    }

    /// What another API process has noted.
    pub(crate) async fn find(cache: &dyn Cache, id: Uuid) -> Option<Self> {
        serde_json::from_slice(&cache.find(&key(id)).await?).ok()
    }
}

fn key(id: Uuid) -> String {
    format!("accepted-job:{id}")
}
