//! What is not begun for a while, and the jobs that are set aside for it.
//!
//! A job that is set aside stays queued, and no message stands for it: whoever was delivered its
//! message has noted that here before acknowledging it. When the pause is over it waits for a
//! message again, and a dispatcher publishes it. See docs/adr/0022.

use std::collections::HashMap;

use async_trait::async_trait;
use uuid::Uuid;

use super::error::Error;
use crate::account::Actor;
use crate::artifact::Digest;
use crate::pause::{NewPause, Pause};
use crate::request::Priority;
use crate::submission::Submission;

/// What is not begun for a while, and the jobs that are set aside for it.
#[async_trait]
pub trait Pauses: Send + Sync {
    /// Begins a pause. `None` when there are [`MAX_PAUSES`](crate::pause::MAX_PAUSES) already.
    async fn pause(&self, pause: &NewPause, by: &Actor) -> Result<Option<Pause>, Error>;

    /// Ends a pause; `None` when there is none in force by this id.
    async fn resume(&self, id: Uuid, by: &Actor) -> Result<Option<Pause>, Error>;

    /// What is paused, the oldest first.
    async fn paused(&self) -> Result<Paused, Error>;

    /// How many jobs each pause holds.
    async fn held(&self) -> Result<HashMap<Uuid, u64>, Error>;

    /// Sets queued jobs aside, each for itself: until their pauses are over, dispatchers leave them
    /// alone. Their messages may be acknowledged then.
    async fn set_aside(&self, jobs: &[Hold]) -> Result<Vec<Aside>, Error>;

    /// Gives up to `limit` jobs that these pauses hold back to the dispatchers, and forgets pauses
    /// that have been over for a while and hold none. A pause that is in force keeps its jobs.
    async fn release_held(&self, pauses: &[Uuid], limit: u32) -> Result<u64, Error>;
}

/// What is paused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paused {
    /// Pauses in force.
    pub in_force: Vec<Pause>,
    /// Pauses that are over, and may still hold jobs.
    pub over: Vec<Uuid>,
}

/// A job to set aside.
#[derive(Debug, Clone, Copy)]
pub struct Hold {
    /// The job.
    pub job_id: Uuid,
    /// The request of the message that was delivered.
    pub request_hash: Digest,
    /// Its priority.
    pub priority: Priority,
    /// The episodes that it asks for.
    pub episodes: u32,
    /// The pause that it waits for.
    pub pause_id: Uuid,
}

impl Hold {
    /// The job of a message, for this pause.
    pub fn of(submission: &Submission, pause_id: Uuid) -> Self {
        let parameters = &submission.request.parameters;
        Self {
            job_id: submission.job_id,
            request_hash: submission.request_hash,
            priority: parameters.priority,
            episodes: parameters.episodes_total(),
            pause_id,
        }
    }
}

/// What became of a job that was to be set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aside {
    /// It is set aside.
    Held,
    /// A worker has it, or it has ended: its message is of no more use.
    NotQueued,
    /// This pause is over.
    Over,
    /// It has no row.
    Unknown,
    /// A claim has to decide: somebody asked for the job's end, or the message is another request's.
    Claim,
}
