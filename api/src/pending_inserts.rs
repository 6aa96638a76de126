//! Jobs that were accepted by message alone, while the store was away: their rows are made when it
//! is back.
//!
//! A worker's claim makes the row too, so nothing is lost with this process. What it is for: nobody
//! who polls a job that was accepted here is told that there is none (docs/adr/0006).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tars_shared::agent::Blob;
use tars_shared::services::Services;
use tars_shared::store::{Error, Inserted};
use tars_shared::submission::Submission;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::accepted_job::AcceptedJob;
use crate::deadline::in_time;

/// How often it is looked whether the store takes writes.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// What may wait, in bytes of policies and in jobs.
const CAPACITY_BYTES: usize = 64 * 1024 * 1024;
const CAPACITY_JOBS: usize = 20_000;
/// Jobs beyond that capacity of which the id is kept.
const CAPACITY_IDS: usize = 1_000_000;
/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// Rows of one call, and bytes of their policies.
const BATCH_JOBS: usize = 1_000;
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// How long after the last sign of an outage other processes may still be making rows.
const RECOVERY: Duration = Duration::from_mins(1);

/// Jobs whose rows are still to be made.
#[derive(Debug, Default)]
pub(crate) struct PendingInserts(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// In the order of their ids, so that processes that make the same rows lock them in one order.
    submissions: BTreeMap<Uuid, Submission>,
    bytes: usize,
    /// Jobs that were accepted when there was no room for their submissions.
    ids_only: BTreeSet<Uuid>,
    /// When the store last refused a write, or gave no answer.
    outage_seen: Option<Instant>,
}

/// What is known of a job without its row.
#[derive(Debug)]
pub(crate) enum Known {
    /// It is accepted, and looks like this.
    Accepted(Box<AcceptedJob>),
    /// It is accepted, or may have been accepted by another process a moment ago.
    Perhaps,
    Nothing,
}

impl PendingInserts {
    /// Whether the same job was accepted with another request a moment ago.
    pub(crate) fn contradicts(&self, submission: &Submission) -> bool {
        self.state()
            .submissions
            .get(&submission.job_id)
            .is_some_and(|known| known.request_hash != submission.request_hash)
    }

    /// What is known here of a job whose row was not found.
    pub(crate) fn find(&self, id: Uuid) -> Known {
        let state = self.state();
        if let Some(submission) = state.submissions.get(&id) {
            return Known::Accepted(Box::new(AcceptedJob::of(submission)));
        }
        let recovering = state
            .outage_seen
            .is_some_and(|seen| seen.elapsed() < RECOVERY);
        if recovering || state.ids_only.contains(&id) {
            Known::Perhaps
        } else {
            Known::Nothing
        }
    }

    /// The store has refused a write, or given no answer.
    pub(crate) fn note_outage(&self) {
        self.state().outage_seen = Some(Instant::now());
    }

    /// Keeps accepted jobs until the store is back, as far as there is room.
    pub(crate) fn keep(&self, submissions: &[Submission]) {
        let mut state = self.state();
        for submission in submissions {
            let bytes = size(submission);
            if state.submissions.len() < CAPACITY_JOBS && state.bytes + bytes <= CAPACITY_BYTES {
                state.bytes += bytes;
                let former = state
                    .submissions
                    .insert(submission.job_id, submission.clone());
                state.bytes -= former.as_ref().map_or(0, size);
            } else if state.ids_only.len() < CAPACITY_IDS {
                state.ids_only.insert(submission.job_id);
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
            if !services.store.hosts.is_writable() {
                self.note_outage();
                continue;
            }
            loop {
                let batch = self.next_batch();
                if batch.is_empty() {
                    break;
                }
                let jobs = batch.len();
                if let Err(error) = self.record_batch(services, batch).await {
                    self.note_outage();
                    tracing::warn!(%error, "jobs accepted by message alone are still to be recorded");
                    break;
                }
                tracing::info!(jobs, "recorded jobs that were accepted by message alone");
            }
        }
    }

    fn next_batch(&self) -> Vec<Submission> {
        let mut bytes = 0;
        let state = self.state();
        let within = state.submissions.values().take_while(|submission| {
            let first = bytes == 0;
            bytes += size(submission);
            first || bytes <= BATCH_BYTES
        });
        within.take(BATCH_JOBS).cloned().collect()
    }

    /// Makes rows, all in one transaction where nothing is wrong with any of them.
    async fn record_batch(&self, services: &Services, batch: Vec<Submission>) -> Result<(), Error> {
        let ids: Vec<_> = batch.iter().map(|submission| submission.job_id).collect();
        let jobs = services.store.jobs.clone();
        let inserted = in_time(CALL_TIMEOUT, async move { jobs.insert_all(&batch).await }).await?;
        for (id, inserted) in ids.iter().zip(inserted) {
            match inserted {
                Ok(Inserted::New | Inserted::Known) => {}
                // Whoever came first under a key has the job.
                Ok(Inserted::Conflict) => {
                    tracing::error!(job.id = %id, "its key was used for another request while the store was away");
                }
                // A worker meets the message, and keeps it among the dead letters.
                Err(error) => {
                    tracing::error!(job.id = %id, %error, "the store cannot take this job");
                }
            }
        }
        let mut state = self.state();
        for id in ids {
            if let Some(submission) = state.submissions.remove(&id) {
                state.bytes -= size(&submission);
            }
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The memory of a submission: nearly all of it is the policy.
fn size(submission: &Submission) -> usize {
    let state = &submission.request.agent_state;
    let blobs = std::iter::once(&state.policy).chain(&state.vec_normalize);
    let inline = |blob: &Blob| match blob {
        Blob::Inline(bytes) => bytes.0.len(),
        Blob::Artifact(_) => 0,
    };
    1024 + blobs.map(inline).sum::<usize>()
}
