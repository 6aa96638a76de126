//! Jobs that were accepted by message alone, while the store was away: their rows are made when it
//! is back.
//!
//! This only saves clients a 404 between the store's return and the claim of a worker, which makes
//! the row too. So it may forget: when it is full, and when the process ends.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tars_shared::agent::Blob;
use tars_shared::services::Services;
use tars_shared::store::{Error, Inserted};
use tars_shared::submission::Submission;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::deadline::in_time;

/// How often the store is tried while something waits for it.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// What may wait, in bytes of policies and in jobs.
const CAPACITY_BYTES: usize = 64 * 1024 * 1024;
const CAPACITY_JOBS: usize = 20_000;
/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// Rows of one call.
const BATCH: usize = 100;

/// Jobs whose rows are still to be made.
#[derive(Debug, Default)]
pub(crate) struct PendingInserts(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    by_id: HashMap<Uuid, Submission>,
    bytes: usize,
}

impl PendingInserts {
    /// Whether the same job was accepted with another request a moment ago.
    pub(crate) fn contradicts(&self, submission: &Submission) -> bool {
        let waiting = self.waiting();
        waiting
            .by_id
            .get(&submission.job_id)
            .is_some_and(|known| known.request_hash != submission.request_hash)
    }

    /// Keeps jobs until the store is back, as far as there is room.
    pub(crate) fn keep(&self, submissions: &[Submission]) {
        let mut waiting = self.waiting();
        for submission in submissions {
            let bytes = size(submission);
            if waiting.by_id.len() < CAPACITY_JOBS && waiting.bytes + bytes <= CAPACITY_BYTES {
                waiting.bytes += bytes;
                if let Some(former) = waiting.by_id.insert(submission.job_id, submission.clone()) {
                    waiting.bytes -= size(&former);
                }
            }
        }
    }

    /// Makes the rows as soon as the store is back, until `shutdown`.
    pub(crate) async fn record(&self, services: &Services, shutdown: CancellationToken) {
        let mut tick = tokio::time::interval(POLL_INTERVAL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = shutdown.cancelled() => return,
            }
            while services.store.hosts.is_writable() {
                let batch: Vec<_> = self.waiting().by_id.values().take(BATCH).cloned().collect();
                if batch.is_empty() {
                    break;
                }
                match self.record_batch(services, &batch).await {
                    Ok(()) => tracing::info!(
                        jobs = batch.len(),
                        "recorded jobs that were accepted by message alone"
                    ),
                    Err(error) => {
                        tracing::warn!(%error, "jobs accepted by message alone are still to be recorded");
                        break;
                    }
                }
            }
        }
    }

    async fn record_batch(&self, services: &Services, batch: &[Submission]) -> Result<(), Error> {
        let mut recorded = Vec::with_capacity(batch.len());
        for submission in batch {
            // One by one, because a conflict spoils a batch. Whoever came first under a key has the
            // job.
            let (jobs, submission) = (services.store.jobs.clone(), submission.clone());
            let job_id = submission.job_id;
            if in_time(
                CALL_TIMEOUT,
                async move { jobs.insert(&[submission]).await },
            )
            .await?
                == [Inserted::Conflict]
            {
                tracing::error!(job.id = %job_id, "its key was used for another request while the store was away");
            } else {
                recorded.push(job_id);
            }
        }
        note_dispatched(services.clone(), recorded).await;
        let mut waiting = self.waiting();
        for submission in batch {
            if let Some(recorded) = waiting.by_id.remove(&submission.job_id) {
                waiting.bytes -= size(&recorded);
            }
        }
        Ok(())
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes that messages stand for these jobs.
pub(crate) async fn note_dispatched(services: Services, published: Vec<Uuid>) {
    if published.is_empty() {
        return;
    }
    let dispatches = services.store.dispatches.clone();
    if let Err(error) = in_time(CALL_TIMEOUT, async move {
        dispatches.mark_dispatched(&published).await
    })
    .await
    {
        tracing::warn!(%error, "these jobs will be dispatched again, harmlessly");
    }
}

/// What a submission weighs: nearly all of it is the policy.
fn size(submission: &Submission) -> usize {
    let state = &submission.request.agent_state;
    let blobs = std::iter::once(&state.policy).chain(&state.vec_normalize);
    let inline = |blob: &Blob| match blob {
        Blob::Inline(bytes) => bytes.0.len(),
        Blob::Artifact(_) => 0,
    };
    1024 + blobs.map(inline).sum::<usize>()
}
