//! Jobs as clients see them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use tars_engine::policy_file::Algorithm;
use tars_engine::regression::Verdict;
use tars_shared::job::{EnvironmentResult, Failure, Job, Progress, Status};
use tars_shared::request::{Hyperparameter, Priority, Stop};
use uuid::Uuid;

use crate::waiting::Waiting;

/// A job as clients see it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Job")]
pub(crate) struct JobView {
    job_id: Uuid,
    pub(crate) status: Status,
    /// One sentence on why the job is where it is.
    explanation: String,
    /// What a queued job waits for; left out of listings.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<Waiting>,
    verdict: Option<Verdict>,
    attempt: u32,
    interruptions: u32,
    agent_type: Algorithm,
    environments: Vec<String>,
    num_episodes: u32,
    seed: u64,
    deterministic: bool,
    stop: Stop,
    priority: Priority,
    hyperparameters: BTreeMap<String, Hyperparameter>,
    labels: BTreeMap<String, String>,
    submitted_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    progress: Progress,
    /// One per finished environment; left out of listings and events.
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<Vec<EnvironmentResult>>,
    /// Why the job failed; null otherwise.
    error: Option<Failure>,
    /// Every failed attempt, oldest first.
    failures: Vec<Failure>,
    retry_of: Option<Uuid>,
    /// The job that repeats this one, once there is one: somebody retried it, or replayed its dead letter. Told where one
    /// job is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    retried_as: Option<Uuid>,
    links: JobLinks,
}

/// Where to go from a job.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct JobLinks {
    #[serde(rename = "self")]
    itself: String,
    events: String,
    cancel: String,
    retry: String,
    promote: String,
}

impl JobLinks {
    pub(crate) fn of(id: Uuid) -> Self {
        let itself = location(id);
        let to = |action| format!("{itself}/{action}");
        Self {
            events: to("events"),
            cancel: to("cancel"),
            retry: to("retry"),
            promote: to("promote"),
            itself,
        }
    }
}

pub(crate) fn location(id: Uuid) -> String {
    format!("/v1/jobs/{id}")
}

impl JobView {
    /// A job without its results.
    pub(crate) fn summary(job: Job) -> Self {
        let explanation = explain(&job);
        let error = job
            .failures
            .last()
            .filter(|_| job.status == Status::Failed)
            .cloned();
        let parameters = job.parameters;
        Self {
            job_id: job.id,
            status: job.status,
            explanation,
            waiting: None,
            verdict: job.verdict,
            attempt: job.attempt,
            interruptions: job.interruptions,
            agent_type: parameters.agent_type,
            environments: parameters.environments,
            num_episodes: parameters.num_episodes,
            seed: parameters.seed,
            deterministic: parameters.deterministic,
            stop: parameters.stop,
            priority: parameters.priority,
            hyperparameters: parameters.hyperparameters,
            labels: parameters.labels,
            submitted_at: job.submitted_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
            progress: job.progress,
            results: None,
            error,
            failures: job.failures,
            retry_of: job.retry_of,
            retried_as: None,
            links: JobLinks::of(job.id),
        }
    }

    /// With what it waits for, if it does.
    pub(crate) fn waiting(self, waiting: Option<Waiting>) -> Self {
        let explanation = waiting
            .as_ref()
            .map_or(self.explanation, |waiting| waiting.detail.clone());
        Self {
            explanation,
            waiting,
            ..self
        }
    }

    pub(crate) fn with_results(self, results: Vec<EnvironmentResult>) -> Self {
        Self {
            results: Some(results),
            ..self
        }
    }

    pub(crate) fn retried_as(self, retried_as: Option<Uuid>) -> Self {
        Self { retried_as, ..self }
    }
}

/// Why the job is where it is: the question that users of queues ask most.
fn explain(job: &Job) -> String {
    let last = job.failures.last();
    match job.status {
        Status::Queued => match (last, job.not_before) {
            (Some(failure), Some(moment)) => {
                format!("attempt {} failed ({}); the next one begins after {moment}", failure.attempt, failure.reason)
            }
            _ if job.interruptions > 0 => {
                "its worker vanished while it ran several jobs: waiting for a worker that can run it alone".to_owned()
            }
            _ => format!("waiting for a worker to take {} priority jobs", job.parameters.priority),
        },
        Status::Running if job.cancel_requested => "its worker has been asked to stop".to_owned(),
        Status::Running => {
            format!("attempt {} is running: {} of {} episodes", job.attempt, done(job), job.progress.episodes_total)
        }
        Status::Completed => match job.verdict {
            Some(Verdict::Pass) => "finished: no regression against the baseline",
            Some(Verdict::Regression) => "finished: the agent regressed; see results[].regression.reason",
            Some(Verdict::Inconclusive) => "finished: too little evidence either way; see results[].regression.reason",
            None if job.parameters.stop == Stop::WhenDecided => {
                "finished: every episode ran, because there was no baseline to decide by"
            }
            None => "finished: not compared with a baseline",
        }
        .to_owned(),
        Status::Failed => last.map_or_else(|| "failed".to_owned(), |failure| failure.reason.clone()),
        Status::Cancelled => "cancelled on request".to_owned(),
    }
}

fn done(job: &Job) -> u32 {
    job.progress.episodes_done
}
