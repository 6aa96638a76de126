//! A job as the store knows it and as clients see it.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tars_engine::catalogue;
use tars_engine::episode::Episode;
use tars_engine::metrics::Metrics;
use tars_engine::policy_file::{Format, PolicyFile, Summary};
use tars_engine::regression::{Regression, Verdict};
use uuid::Uuid;

use crate::artifact::Digest;
use crate::request::Parameters;

/// Where a job is in its life. A terminal status never changes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Accepted, waiting for a worker.
    Queued,
    /// A worker holds its lease.
    Running,
    /// Every environment has a result.
    Completed,
    /// It will not run again; the error says why.
    Failed,
    /// Its owner took it back.
    Cancelled,
}

impl Status {
    /// Every status, in the order of a job's life.
    pub const ALL: [Self; 5] = [
        Self::Queued,
        Self::Running,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The name in JSON, in the store and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether a job in this status has ended.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Status {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|status| status.as_str() == text);
        known.ok_or_else(|| "must be queued, running, completed, failed or cancelled".to_owned())
    }
}

/// Why one attempt failed. `kind` is stable for programs, `reason` is for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The attempt that failed, from 1.
    pub attempt: u32,
    /// When it failed.
    pub at: DateTime<Utc>,
    /// What sort of failure it was.
    pub kind: FailureKind,
    /// What a person can act on.
    pub reason: String,
    /// Who made the attempt. Null where nobody had it in hand, and for attempts of older releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
}

/// What sort of failure an attempt had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The policy file cannot be read or does not fit the environment.
    InvalidPolicy,
    /// No such artifact is stored.
    MissingArtifact,
    /// The environment is not in this worker's catalogue.
    UnknownEnvironment,
    /// An environment took longer than `timeout_seconds`.
    Timeout,
    /// The evaluation itself broke down.
    Evaluation,
    /// The worker vanished while it ran the job.
    WorkerLost,
    /// The queue delivered its message again and again, and nobody finished with it.
    Undeliverable,
    /// The message cannot be read.
    UnreadableMessage,
}

impl FailureKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::InvalidPolicy,
        Self::MissingArtifact,
        Self::UnknownEnvironment,
        Self::Timeout,
        Self::Evaluation,
        Self::WorkerLost,
        Self::Undeliverable,
        Self::UnreadableMessage,
    ];

    /// The name in JSON, in the store and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidPolicy => "invalid_policy",
            Self::MissingArtifact => "missing_artifact",
            Self::UnknownEnvironment => "unknown_environment",
            Self::Timeout => "timeout",
            Self::Evaluation => "evaluation",
            Self::WorkerLost => "worker_lost",
            Self::Undeliverable => "undeliverable",
            Self::UnreadableMessage => "unreadable_message",
        }
    }
}

impl FromStr for FailureKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("must be one of {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

/// How far a job has come, over all its environments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// Finished episodes.
    pub episodes_done: u32,
    /// All episodes of all environments.
    pub episodes_total: u32,
}

/// The policy that was evaluated: the file by its hash, and what was read from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EvaluatedPolicy {
    /// SHA-256 of the policy file.
    pub sha256: Digest,
    /// What was read.
    #[serde(flatten)]
    pub summary: Summary,
}

impl EvaluatedPolicy {
    /// What was read of a file with this hash, for an environment of the catalogue.
    pub fn of(
        sha256: Digest,
        format: Format,
        file: &PolicyFile,
        environment: &str,
    ) -> Option<Self> {
        let specification = catalogue::find(environment)?;
        Some(Self {
            sha256,
            summary: Summary::of(file, format, specification),
        })
    }
}

/// The result of one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentResult {
    /// Gymnasium's id.
    pub environment: String,
    /// The policy as it was read. Results of older releases lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<EvaluatedPolicy>,
    /// Statistics of the episodes.
    pub metrics: Metrics,
    /// The comparison with the baseline: decided when the whole job finishes. Null when none was
    /// asked for or no baseline is known.
    pub regression: Option<Regression>,
    /// The baseline it was compared with.
    pub baseline_id: Option<Uuid>,
    /// Every episode, in seed order.
    pub episodes: Vec<Episode>,
    /// Whether the verdict was safe, so that it ended, before all episodes had run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped_early: bool,
    /// The job that evaluated it, where this one asked for the same. It may have been removed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reused_from: Option<Uuid>,
}

/// A job without its results.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// Who submitted it.
    pub subject: String,
    /// What was asked for.
    pub parameters: Parameters,
    /// Where it is in its life.
    pub status: Status,
    /// How often a worker has begun it, losses that count against nobody left out.
    pub attempt: u32,
    /// How often a worker vanished that ran other jobs beside it. Since the first time it runs
    /// alone.
    pub interruptions: u32,
    /// When it was accepted.
    pub submitted_at: DateTime<Utc>,
    /// When its first attempt began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Queued for a retry: not before this moment.
    pub not_before: Option<DateTime<Utc>>,
    /// Its owner asked for its end while it was running.
    pub cancel_requested: bool,
    /// How far it has come.
    pub progress: Progress,
    /// The worst verdict over its environments.
    pub verdict: Option<Verdict>,
    /// The job that this one repeats.
    pub retry_of: Option<Uuid>,
    /// Every failed attempt, oldest first. The last one is the error of a failed job.
    pub failures: Vec<Failure>,
}

/// How many jobs are in each status. Together they are all that were ever accepted: the
/// conservation law.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ledger([u64; 5]);

impl Ledger {
    /// How many jobs are in `status`.
    pub fn count(&self, status: Status) -> u64 {
        self.0[status as usize]
    }

    /// Notes that `jobs` more jobs are in `status`.
    pub fn add(&mut self, status: Status, jobs: u64) {
        self.0[status as usize] += jobs;
    }

    /// All jobs, whatever their status.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}
