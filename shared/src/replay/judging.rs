//! Whether a dead letter is replayed, and as what.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::document::{document, patched};
use super::{Plan, Refusal};
use crate::artifact::Digest;
use crate::dead_letter::{DeadLetter, State};
use crate::job::Status;
use crate::submission::{Submission, retry_job_id, version_of};

/// A dead letter with all that decides upon its replay.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The letter.
    pub letter: DeadLetter,
    /// What its job was asked for.
    pub former: Option<Submission>,
    /// The job that it would become, where that is there already: somebody retried it.
    pub successor: Option<Successor>,
}

/// A job that is there already under the id that a replay would have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Successor {
    /// Where it is in its life.
    pub status: Status,
    /// The request that it was made for.
    pub request_hash: Digest,
}

/// Why a letter is not replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// In a word.
    pub refusal: Refusal,
    /// In a sentence.
    pub detail: String,
}

impl Refused {
    /// With a sentence.
    pub fn new(refusal: Refusal, detail: impl Into<String>) -> Self {
        Self {
            refusal,
            detail: detail.into(),
        }
    }
}

impl Candidate {
    /// A letter with what its job was asked for. A message that is no job's may say so itself, to a newer reader.
    pub fn new(letter: DeadLetter, former: Option<Submission>) -> Self {
        let message = || serde_json::from_slice(letter.body.as_deref()?).ok();
        Self {
            former: former.or_else(message),
            letter,
            successor: None,
        }
    }

    /// The job that its replay becomes: the one that a retry of its job becomes, so that two replays, or a replay and a
    /// retry, meet in one job. A message becomes the job that it stood for.
    pub fn replay_job_id(&self) -> Option<Uuid> {
        match self.letter.job_id {
            Some(job_id) => Some(retry_job_id(job_id)),
            None => self.former.as_ref().map(|former| former.job_id),
        }
    }
}

/// What a letter is replayed as. Whether the artifacts that it names are stored is for the store to say.
///
/// # Errors
/// Why it is not replayed.
pub fn submission(
    candidate: &Candidate,
    plan: &Plan,
    max_replays: u32,
    now: DateTime<Utc>,
) -> Result<Submission, Refused> {
    let Candidate {
        letter,
        former,
        successor,
    } = candidate;
    if let (None, Some(successor), Some(former)) = (letter.job_id, successor, former)
        && successor.request_hash != former.request_hash
    {
        let detail = "its key was used for another request, whose job has its id";
        return Err(Refused::new(Refusal::Invalid, detail));
    }
    match (letter.state, successor.map(|successor| successor.status)) {
        (_, Some(Status::Completed)) => {
            let detail = "a job that repeats it has completed";
            return Err(Refused::new(Refusal::CompletedMeanwhile, detail));
        }
        (State::Replayed, _) | (_, Some(_)) => {
            let detail = "a job that repeats it is there already";
            return Err(Refused::new(Refusal::AlreadyReplayed, detail));
        }
        (State::Discarded, None) => {
            return Err(Refused::new(Refusal::Discarded, "restore it first"));
        }
        (State::Open, None) => {}
    }
    if letter.replays >= max_replays {
        let detail = format!(
            "{} replays led to it, and {max_replays} are allowed",
            letter.replays
        );
        return Err(Refused::new(Refusal::MaxReplays, detail));
    }
    let (Some(former), Some(job_id)) = (former.clone(), candidate.replay_job_id()) else {
        return Err(match letter.job_id {
            Some(_) => Refused::new(Refusal::Gone, "its job is not kept any more"),
            None => Refused::new(Refusal::Invalid, "its message cannot be read"),
        });
    };
    let invalid = |detail: String| Refused::new(Refusal::Invalid, detail);
    let (mut request, mut request_hash) = (former.request, former.request_hash);
    let nothing = serde_json::Value::Object(serde_json::Map::new());
    // Without a patch too: the catalogue may have changed.
    request = patched(&request, plan.patch.as_ref().unwrap_or(&nothing), job_id).map_err(
        |complaints| {
            let complaints: Vec<_> = complaints.iter().map(ToString::to_string).collect();
            invalid(complaints.join("; "))
        },
    )?;
    if plan.patch.is_some() {
        let text = document(&request).and_then(|document| serde_json::to_vec(&document));
        request_hash = Digest::of(&text.map_err(|error| invalid(error.to_string()))?);
    }
    request.parameters.priority = plan.priority;
    Ok(Submission {
        version: version_of(&request),
        job_id,
        subject: former.subject,
        request_hash,
        submitted_at: now,
        retry_of: letter.job_id.or(former.retry_of),
        lane: former.lane,
        request,
    })
}
