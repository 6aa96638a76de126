//! Publishes jobs that are recorded already.

use std::collections::HashSet;

use futures_util::future::join_all;
use tars_shared::services::Services;
use tars_shared::submission::Submission;
use uuid::Uuid;

/// Publications under way at once, of those that the queue allows: the API's do not wait for all.
const AT_ONCE: usize = 128;

/// Publishes jobs; which of them the queue took. Should the note of it get lost, spare copies
/// are published.
pub(crate) async fn publish(services: &Services, jobs: &[Submission]) -> Vec<Uuid> {
    let mut published = Vec::with_capacity(jobs.len());
    for batch in jobs.chunks(AT_ONCE) {
        let publications = batch.iter().map(async |submission| {
            let published = services.queue.publish(submission).await;
            published.map(|()| submission.job_id)
        });
        let publications = join_all(publications).await;
        let refused = publications
            .iter()
            .find_map(|outcome| outcome.as_ref().err());
        let refused = refused.map(ToString::to_string);
        published.extend(publications.into_iter().flatten());
        if let Some(error) = refused {
            tracing::debug!(error, "left for the next time");
            break;
        }
    }
    if !published.is_empty() {
        services.metrics.dispatched.inc_by(published.len() as u64);
        tracing::info!(jobs = published.len(), "dispatched");
    }
    published
}

/// Those that were not published.
pub(crate) fn left(jobs: &[Submission], published: &[Uuid]) -> Vec<Uuid> {
    let published: HashSet<_> = published.iter().collect();
    let ids = jobs.iter().map(|submission| submission.job_id);
    ids.filter(|id| !published.contains(id)).collect()
}
