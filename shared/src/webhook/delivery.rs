//! A message on its way to its receiver.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tars_engine::regression::Verdict;
use uuid::Uuid;

use crate::job::Status;
use crate::request::Parameters;

/// What a message tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Event {
    /// Every environment has a result.
    #[serde(rename = "job.completed")]
    JobCompleted,
    /// The job failed for good.
    #[serde(rename = "job.failed")]
    JobFailed,
    /// Its owner took it back.
    #[serde(rename = "job.cancelled")]
    JobCancelled,
}

impl Event {
    /// The status that the job has ended in.
    pub fn status(self) -> Status {
        match self {
            Self::JobCompleted => Status::Completed,
            Self::JobFailed => Status::Failed,
            Self::JobCancelled => Status::Cancelled,
        }
    }
}

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// It will be sent, for the first time or again.
    Pending,
    /// Its receiver has taken it.
    Delivered,
    /// It was given up; somebody may send it again.
    Dead,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Dead];

    /// The name in JSON, in the store and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

impl FromStr for DeliveryState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|state| state.as_str() == text);
        known.ok_or_else(|| "must be pending, delivered or dead".to_owned())
    }
}

/// A message and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Its id, the same at every attempt: `webhook-id`.
    pub id: Uuid,
    /// The job that it tells of.
    pub job_id: Uuid,
    /// What it tells.
    pub event: Event,
    /// Where it goes.
    pub url: String,
    /// When the job ended.
    pub created_at: DateTime<Utc>,
    /// Where it is.
    pub state: DeliveryState,
    /// When it is due, or was.
    pub due_at: DateTime<Utc>,
    /// How often it was begun.
    pub attempt: u32,
    /// Attempts whose end is known, oldest first. That of a worker that vanished is not.
    pub attempts: Vec<Attempt>,
}

/// One attempt to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// When its end was known.
    pub at: DateTime<Utc>,
    /// Milliseconds that it took.
    pub milliseconds: u32,
    /// The status that the receiver answered with; null where none came.
    pub status: Option<u16>,
    /// Why it failed; null where it did not.
    pub error: Option<String>,
}

/// Which messages to list. The default lists all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Only those in this state.
    pub state: Option<DeliveryState>,
    /// Only those older than this place in the listing: time and id of the last one seen.
    pub before: Option<(DateTime<Utc>, Uuid)>,
}

/// A message that is to be sent now, with all that it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Due {
    /// Its id.
    pub id: Uuid,
    /// The job that it tells of.
    pub job_id: Uuid,
    /// What it tells.
    pub event: Event,
    /// Where it goes.
    pub url: String,
    /// When the job ended.
    pub created_at: DateTime<Utc>,
    /// The number of this attempt, by which its end is noted.
    pub attempt: u32,
    /// Attempts, this one included, since somebody last asked for it.
    pub tried: u32,
    /// What was evaluated.
    pub parameters: Parameters,
    /// The job's verdict.
    pub verdict: Option<Verdict>,
}

impl Due {
    /// The message's bytes: the same at every attempt.
    ///
    /// # Panics
    /// Never: texts and numbers are JSON.
    pub fn body(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Message<'a> {
            r#type: Event,
            timestamp: DateTime<Utc>,
            data: Data<'a>,
        }
        #[derive(Serialize)]
        struct Data<'a> {
            job_id: Uuid,
            status: Status,
            verdict: Option<Verdict>,
            agent_type: &'static str,
            environments: &'a [String],
            labels: &'a BTreeMap<String, String>,
            links: serde_json::Value,
        }
        let message = Message {
            r#type: self.event,
            timestamp: self.created_at,
            data: Data {
                job_id: self.job_id,
                status: self.event.status(),
                verdict: self.verdict,
                agent_type: self.parameters.agent_type.name(),
                environments: &self.parameters.environments,
                labels: &self.parameters.labels,
                links: json!({"self": format!("/v1/jobs/{}", self.job_id)}),
            },
        };
        serde_json::to_vec(&message).expect("texts and numbers are JSON")
    }
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
    /// The status that the receiver answered with.
    pub status: Option<u16>,
    /// Why it failed.
    pub error: Option<String>,
}

/// What follows from an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has it.
    Delivered,
    /// It is sent again after this time.
    Again(Duration),
    /// It is given up.
    Dead,
}
