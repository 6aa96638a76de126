//! Accepting evaluations: validate, keep large policies as artifacts, record the job, publish it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tars_shared::agent::{AgentState, Blob};
use tars_shared::artifact::Digest;
use tars_shared::job::Status;
use tars_shared::request::FieldError;
use tars_shared::request::body::Body;
use tars_shared::services::Services;
use tars_shared::store::Inserted;
use tars_shared::submission::{Submission, VERSION, keyed_job_id};
use uuid::Uuid;

use crate::access::Subject;
use crate::deadline::within;
use crate::problem::Problem;

/// Blobs above this size become artifacts, and the message carries their hash.
const INLINE_BYTES: usize = 256 * 1024;

/// No request hangs for more than five seconds.
const PATIENCE: Duration = Duration::from_millis(4500);

/// An accepted job.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accepted {
    pub(crate) job_id: Uuid,
    pub(crate) status: Status,
    pub(crate) submitted_at: DateTime<Utc>,
}

/// Turns a body into a submission. `key` makes it the same job whenever it comes again, and `request_hash` tells whether
/// it came with the same request.
pub(crate) fn submission(
    services: &Services,
    subject: &Subject,
    key: Option<&str>,
    request_hash: Digest,
    body: Body,
) -> Result<Submission, Vec<FieldError>> {
    let job_id = key.map_or_else(|| services.clock.new_id(), |key| keyed_job_id(subject.0, key));
    Ok(Submission {
        version: VERSION,
        job_id,
        subject: subject.0.to_owned(),
        request_hash,
        submitted_at: services.clock.now(),
        retry_of: None,
        request: body.validate(job_id)?,
    })
}

/// Records submissions, all or none, then publishes the new ones. A publication that fails is made up for by the
/// dispatcher: the row is there.
///
/// `parent` is the path of the submissions in the client's document, for complaints.
pub(crate) async fn accept(
    services: &Services,
    parent: &str,
    submissions: Vec<Submission>,
) -> Result<Vec<Accepted>, Problem> {
    // Each call has its own deadline, but a batch makes many.
    match tokio::time::timeout(PATIENCE, record_and_publish(services, parent, submissions)).await {
        Ok(accepted) => accepted,
        Err(_) => Err(Problem::unavailable()),
    }
}

async fn record_and_publish(
    services: &Services,
    parent: &str,
    mut submissions: Vec<Submission>,
) -> Result<Vec<Accepted>, Problem> {
    for (index, submission) in submissions.iter_mut().enumerate() {
        let parent = if parent.is_empty() { String::new() } else { format!("{parent}[{index}].") };
        let AgentState { policy, vec_normalize, .. } = &mut submission.request.agent_state;
        store_blob(services, policy, || format!("{parent}agent_state.artifact")).await?;
        if let Some(statistics) = vec_normalize {
            store_blob(services, statistics, || format!("{parent}agent_state.vec_normalize.artifact")).await?;
        }
    }
    let submissions = Arc::new(submissions);
    let inserted = {
        let (jobs, submissions) = (services.store.jobs.clone(), submissions.clone());
        within(async move { jobs.insert(&submissions).await }).await?
    };
    if inserted.contains(&Inserted::Conflict) {
        let detail = "this Idempotency-Key came with another body before: use a new key";
        return Err(Problem::conflict("idempotency_key_reused", detail));
    }
    let mut accepted = Vec::with_capacity(submissions.len());
    let mut published = Vec::with_capacity(submissions.len());
    for (submission, inserted) in submissions.iter().zip(inserted) {
        match inserted {
            Inserted::Known | Inserted::Conflict => accepted.push(known(services, submission.job_id).await?),
            Inserted::New => {
                accepted.push(Accepted {
                    job_id: submission.job_id,
                    status: Status::Queued,
                    submitted_at: submission.submitted_at,
                });
                let priority = submission.request.parameters.priority;
                services.metrics.jobs_accepted.with_label_values(&[priority.as_str()]).inc();
                match services.queue.publish(submission).await {
                    Ok(()) => published.push(submission.job_id),
                    Err(error) => tracing::warn!(job.id = %submission.job_id, %error, "left to the dispatcher"),
                }
            }
        }
    }
    // The answer need not wait for this note: should it get lost, the dispatcher publishes spare copies.
    let dispatches = services.store.dispatches.clone();
    tokio::spawn(async move {
        if let Err(error) = dispatches.mark_dispatched(&published).await {
            tracing::warn!(%error, "these jobs will be dispatched again, harmlessly");
        }
    });
    Ok(accepted)
}

/// Stores a large blob, and refuses the name of one that is not stored.
async fn store_blob(services: &Services, blob: &mut Blob, field: impl FnOnce() -> String) -> Result<(), Problem> {
    let artifacts = services.store.artifacts.clone();
    match blob {
        Blob::Inline(bytes) if bytes.0.len() > INLINE_BYTES => {
            let digest = Digest::of(&bytes.0);
            let bytes = std::mem::take(&mut bytes.0);
            within(async move { artifacts.put(digest, &bytes).await }).await?;
            *blob = Blob::Artifact(digest);
        }
        Blob::Inline(_) => {}
        Blob::Artifact(digest) => {
            let digest = *digest;
            if !within(async move { artifacts.contains(digest).await }).await? {
                let message = format!("no artifact {digest} is stored: PUT /v1/artifacts first");
                return Err(Problem::invalid_field(field(), message));
            }
        }
    }
    Ok(())
}

async fn known(services: &Services, job_id: Uuid) -> Result<Accepted, Problem> {
    let jobs = services.store.jobs.clone();
    let job = within(async move { jobs.find(job_id).await }).await?.ok_or_else(Problem::internal)?;
    Ok(Accepted { job_id, status: job.status, submitted_at: job.submitted_at })
}
