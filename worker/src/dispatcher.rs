//! Publishes jobs that no message stands for. Every worker runs one; two of them do no harm.

use std::time::Duration;

use tars_shared::services::Services;
use tars_shared::store::Error;
use tokio_util::sync::CancellationToken;

const INTERVAL: Duration = Duration::from_millis(500);
/// The API publishes within this time after it recorded a job, or not at all.
const GRACE: Duration = Duration::from_secs(2);
/// Jobs of one look.
const BATCH: u32 = 200;

/// Dispatches until `shutdown`.
pub(crate) async fn run(services: Services, shutdown: CancellationToken) {
    // Where the queue forgets, what the store holds at the start was published by a process that is gone.
    let mut grace = if services.queue.is_durable() { GRACE } else { Duration::ZERO };
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = shutdown.cancelled() => return,
        }
        match dispatch(&services, grace).await {
            Ok(()) => grace = GRACE,
            Err(error) => tracing::warn!(%error, "nothing dispatched"),
        }
    }
}

/// Publishes until nothing is due.
async fn dispatch(services: &Services, grace: Duration) -> Result<(), Error> {
    loop {
        let due = services.store.dispatches.due(grace, BATCH).await?;
        let mut published = Vec::with_capacity(due.len());
        for submission in &due {
            match services.queue.publish(submission).await {
                Ok(()) => published.push(submission.job_id),
                Err(error) => {
                    tracing::warn!(%error, "left for the next look");
                    break;
                }
            }
        }
        services.store.dispatches.mark_dispatched(&published).await?;
        services.metrics.dispatched.inc_by(published.len() as u64);
        if !published.is_empty() {
            tracing::info!(jobs = published.len(), "dispatched");
        }
        if published.len() < BATCH as usize {
            return Ok(());
        }
    }
}
