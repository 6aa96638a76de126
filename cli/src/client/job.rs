//! A job as the service shows it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use tars_engine::policy_file::Algorithm;
use tars_engine::regression::Verdict;
use tars_shared::job::{EnvironmentResult, Failure, Progress, Status};
use tars_shared::request::{Hyperparameter, Priority};
use uuid::Uuid;

/// A job as the service shows it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Job {
    #[serde(rename = "job_id")]
    pub(crate) id: Uuid,
    pub(crate) status: Status,
    pub(crate) explanation: String,
    /// Left out of listings, and of jobs that do not wait.
    #[serde(default)]
    pub(crate) waiting: Option<Waiting>,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) attempt: u32,
    pub(crate) agent_type: Algorithm,
    pub(crate) environments: Vec<String>,
    pub(crate) num_episodes: u32,
    pub(crate) seed: u64,
    pub(crate) deterministic: bool,
    pub(crate) priority: Priority,
    pub(crate) hyperparameters: BTreeMap<String, Hyperparameter>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) submitted_at: DateTime<Utc>,
    pub(crate) started_at: Option<DateTime<Utc>>,
    pub(crate) finished_at: Option<DateTime<Utc>>,
    pub(crate) progress: Progress,
    /// Left out of listings and events.
    pub(crate) results: Option<Vec<EnvironmentResult>>,
    pub(crate) failures: Vec<Failure>,
    pub(crate) retry_of: Option<Uuid>,
    #[serde(default)]
    pub(crate) retried_as: Option<Uuid>,
}

/// What a job waits for; its explanation says it in words.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) code: String,
    pub(crate) since: Option<DateTime<Utc>>,
    pub(crate) basis: Option<String>,
}

/// What the service says to a submission.
#[derive(Debug, Deserialize)]
pub(crate) struct Receipt {
    pub(crate) job_id: Uuid,
}

impl Job {
    /// The exit code that tells a script what came of the job.
    pub(crate) fn exit_code(&self) -> u8 {
        match (self.status, self.verdict) {
            (Status::Completed, None | Some(Verdict::Pass)) => 0,
            (Status::Completed, Some(Verdict::Regression)) => 1,
            (Status::Completed, Some(Verdict::Inconclusive)) => 3,
            (Status::Queued | Status::Running | Status::Failed | Status::Cancelled, _) => 2,
        }
    }
}
