//! Accepting evaluations: validate, count what the submitter has open, keep large policies as
//! artifacts, record the job, publish it.
//!
//! A job is accepted when *either* durable home has it: the store its row, or the queue its
//! message. Without the row, the message carries all that is needed to make one.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use tars_shared::agent::{AgentState, Blob};
use tars_shared::artifact::Digest;
use tars_shared::job::Status;
use tars_shared::request::FieldError;
use tars_shared::request::body::Body;
use tars_shared::services::Services;
use tars_shared::store::{Error, Inserted};
use tars_shared::submission::{Submission, keyed_job_id, version_of};
use tars_shared::webhook;
use uuid::Uuid;

use crate::accepted_job::AcceptedJob;
use crate::context::Context;
use crate::deadline::{altogether, in_time, within};
use crate::problem::Problem;

/// Blobs above this size become artifacts, and the message carries their hash.
const INLINE_BYTES: usize = 256 * 1024;

/// How long a submission waits for its row where the queue is durable too. Together with the
/// queue's own deadline for a confirmation it stays below a second: with both away, the client
/// hears of it in time.
const RECORD_TIMEOUT: Duration = Duration::from_millis(500);
/// How long it waits where the store is the only durable home.
const SOLE_HOME_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy)]
pub(crate) struct Accepted {
    pub(crate) job_id: Uuid,
    pub(crate) status: Status,
    pub(crate) submitted_at: DateTime<Utc>,
}

/// Turns a body into a submission. `key` makes it the same job whenever it comes again, and
/// `request_hash` tells whether it came with the same request.
pub(crate) fn submission(
    context: &Context,
    subject: &str,
    key: Option<&str>,
    request_hash: Digest,
    body: Body,
) -> Result<Submission, Vec<FieldError>> {
    let clock = &context.services.clock;
    let job_id = key.map_or_else(|| clock.new_id(), |key| keyed_job_id(subject, key));
    let request = body.validate(job_id)?;
    if let Some(url) = &request.parameters.callback_url {
        admit(context, url).map_err(|complaint| vec![complaint])?;
    }
    Ok(Submission {
        version: version_of(&request),
        job_id,
        subject: subject.to_owned(),
        request_hash,
        submitted_at: clock.now(),
        retry_of: None,
        lane: context.lanes.choose(subject, request.parameters.priority),
        request,
    })
}

/// Whether a webhook may go there.
pub(crate) fn admit(context: &Context, callback_url: &str) -> Result<(), FieldError> {
    let admitted = webhook::parse(callback_url).map_err(str::to_owned);
    let admitted = admitted.and_then(|url| context.webhooks.admit(&url));
    admitted.map_err(|complaint| FieldError::new("callback_url", complaint))
}

/// Records submissions, all or none, and publishes the new ones. A publication that fails is made
/// up for by the dispatcher, because the row is there; a row that fails is made up for by whoever
/// meets the message.
///
/// `parent` is the path of the submissions in the client's document, for complaints.
pub(crate) async fn accept(
    context: &Context,
    parent: &str,
    submissions: Vec<Submission>,
) -> Result<Vec<Accepted>, Problem> {
    // Each call has its own deadline, but a batch makes many.
    altogether(record_and_publish(context, parent, submissions)).await
}

async fn record_and_publish(
    context: &Context,
    parent: &str,
    mut submissions: Vec<Submission>,
) -> Result<Vec<Accepted>, Problem> {
    let services = &context.services;
    let _admission = context.open_jobs.admit(&submissions).await?;
    match store_blobs(context, parent, &mut submissions).await {
        Ok(()) => {}
        Err(BlobError::Client(problem)) => return Err(problem),
        // What hinders the blobs would hinder the row: the store is not waited for twice.
        Err(BlobError::Store(error)) => {
            return without_the_store(context, error, &submissions).await;
        }
    }
    let submissions = Arc::new(submissions);
    let timeout = record_timeout(services);
    match context.inserts.insert(&submissions, timeout).await {
        Ok(inserted) => publish_recorded(context, &submissions, &inserted).await,
        Err(error) => without_the_store(context, error, &submissions).await,
    }
}

/// How long a call to the store may take: with a second home at hand nobody has to wait long for
/// the first.
fn record_timeout(services: &Services) -> Duration {
    if services.queue.is_durable() {
        RECORD_TIMEOUT
    } else {
        SOLE_HOME_TIMEOUT
    }
}

/// Accepts by message, if that is enough and the store is merely away.
async fn without_the_store(
    context: &Context,
    error: Error,
    submissions: &[Submission],
) -> Result<Vec<Accepted>, Problem> {
    match error {
        Error::Unavailable(reason) if context.services.queue.is_durable() => {
            context.pending_inserts.note_outage();
            tracing::debug!(reason, "accepting by message alone");
            publish_alone(context, submissions).await
        }
        error => Err(error.into()),
    }
}

/// Publishes what has just been recorded.
async fn publish_recorded(
    context: &Context,
    submissions: &[Submission],
    inserted: &[Inserted],
) -> Result<Vec<Accepted>, Problem> {
    let services = &context.services;
    if inserted.contains(&Inserted::Conflict) {
        return Err(reused_key());
    }
    let new = submissions
        .iter()
        .zip(inserted)
        .filter(|(_, inserted)| **inserted == Inserted::New);
    let published: Vec<_> = publish(services, new.map(|(submission, _)| submission)).await;
    let mut accepted = Vec::with_capacity(submissions.len());
    for (submission, inserted) in submissions.iter().zip(inserted) {
        accepted.push(match inserted {
            Inserted::New => count(services, submission),
            Inserted::Known | Inserted::Conflict => known(services, submission.job_id).await?,
        });
    }
    let unpublished = published.into_iter().filter(|(_, published)| !published);
    let unpublished: Vec<_> = unpublished.map(|(id, _)| id).collect();
    if !unpublished.is_empty() {
        let dispatches = services.store.dispatches.clone();
        let note = async move { dispatches.mark_unpublished(&unpublished).await };
        // Should it get lost, the dispatcher misses their messages after a while.
        if let Err(error) = in_time(record_timeout(services), note).await {
            tracing::warn!(%error, "some jobs wait longer for a message");
        }
    }
    Ok(accepted)
}

/// Accepts by message while the store is away. All or none: when one cannot be published, the
/// client is asked to repeat the whole, which its key or the jobs' ids make harmless.
async fn publish_alone(
    context: &Context,
    submissions: &[Submission],
) -> Result<Vec<Accepted>, Problem> {
    let services = &context.services;
    if submissions
        .iter()
        .any(|submission| context.pending_inserts.contradicts(submission))
    {
        return Err(reused_key());
    }
    if publish(services, submissions)
        .await
        .iter()
        .any(|(_, published)| !published)
    {
        return Err(Problem::unavailable());
    }
    context.pending_inserts.keep(submissions);
    let notes = submissions.iter().map(AcceptedJob::of);
    join_all(notes.map(async |job| job.note(&*services.cache).await)).await;
    Ok(submissions
        .iter()
        .map(|submission| count(services, submission))
        .collect())
}

/// Publishes at once; which of them the queue took.
async fn publish<'a>(
    services: &Services,
    submissions: impl IntoIterator<Item = &'a Submission>,
) -> Vec<(Uuid, bool)> {
    join_all(submissions.into_iter().map(async |submission| {
        let published = services.queue.publish(submission).await;
        if let Err(error) = &published {
            tracing::warn!(job.id = %submission.job_id, %error, "not published");
        }
        (submission.job_id, published.is_ok())
    }))
    .await
}

fn count(services: &Services, submission: &Submission) -> Accepted {
    let priority = submission.request.parameters.priority;
    services
        .metrics
        .jobs_accepted
        .with_label_values(&[priority.as_str()])
        .inc();
    Accepted {
        job_id: submission.job_id,
        status: Status::Queued,
        submitted_at: submission.submitted_at,
    }
}

fn reused_key() -> Problem {
    let detail = "this Idempotency-Key came with another body before: use a new key";
    Problem::conflict("idempotency_key_reused", detail)
}

/// Why a blob is not as it should be.
enum BlobError {
    /// The client named one that is not there.
    Client(Problem),
    /// The store gave no answer.
    Store(Error),
}

/// Stores large blobs, and refuses names of ones that are not stored. Without the store a message
/// may be as large as it must, and a name is taken at its word: the job fails if it turns out to be
/// wrong.
async fn store_blobs(
    context: &Context,
    parent: &str,
    submissions: &mut [Submission],
) -> Result<(), BlobError> {
    for (index, submission) in submissions.iter_mut().enumerate() {
        let parent = if parent.is_empty() {
            String::new()
        } else {
            format!("{parent}[{index}].")
        };
        let AgentState {
            policy,
            vec_normalize,
            ..
        } = &mut submission.request.agent_state;
        store_blob(context, policy, || format!("{parent}agent_state.artifact")).await?;
        if let Some(statistics) = vec_normalize {
            store_blob(context, statistics, || {
                format!("{parent}agent_state.vec_normalize.artifact")
            })
            .await?;
        }
    }
    Ok(())
}

async fn store_blob(
    context: &Context,
    blob: &mut Blob,
    field: impl FnOnce() -> String,
) -> Result<(), BlobError> {
    let services = &context.services;
    let (artifacts, timeout) = (services.store.artifacts.clone(), record_timeout(services));
    match blob {
        Blob::Inline(bytes) if bytes.0.len() > INLINE_BYTES => {
            let digest = Digest::of(&bytes.0);
            if !context.known_artifacts.contains(digest) {
                let bytes = bytes.0.clone();
                let put = async move { artifacts.put(digest, &bytes).await };
                in_time(timeout, put).await.map_err(BlobError::Store)?;
                context.known_artifacts.note(digest).await;
            }
            *blob = Blob::Artifact(digest);
        }
        Blob::Inline(_) => {}
        Blob::Artifact(digest) if context.known_artifacts.contains(*digest) => {}
        Blob::Artifact(digest) => {
            let digest = *digest;
            let known = in_time(timeout, async move { artifacts.contains(digest).await }).await;
            if !known.map_err(BlobError::Store)? {
                let message = format!("no artifact {digest} is stored: PUT /v1/artifacts first");
                return Err(BlobError::Client(Problem::invalid_field(field(), message)));
            }
            context.known_artifacts.note(digest).await;
        }
    }
    Ok(())
}

async fn known(services: &Services, job_id: Uuid) -> Result<Accepted, Problem> {
    let jobs = services.store.jobs.clone();
    let job = within(async move { jobs.find(job_id).await })
        .await?
        .ok_or_else(Problem::internal)?;
    Ok(Accepted {
        job_id,
        status: job.status,
        submitted_at: job.submitted_at,
    })
}
