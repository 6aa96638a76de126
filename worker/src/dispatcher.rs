//! Publishes jobs that no message stands for. Every worker runs one; two of them do no harm.

use std::time::{Duration, Instant};

use tars_shared::services::Services;
use tars_shared::store::Error;
use tars_shared::submission::Submission;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::retrying::answer;

const INTERVAL: Duration = Duration::from_millis(500);
/// The API publishes within this time after it recorded a job, or not at all.
const GRACE: Duration = Duration::from_secs(2);
/// While the store is away nobody can renew a lease: for so long after its return, an expired one
/// says nothing.
const SETTLING: Duration = Duration::from_secs(2);
/// A job that is queued for so long beside an empty queue has lost its message.
const OVERDUE: Duration = Duration::from_secs(30);
/// Jobs of one look.
const BATCH: u32 = 50;

/// Dispatches until `shutdown`.
pub(crate) async fn run(services: Services, shutdown: CancellationToken) {
    // Where the queue forgets, what the store holds at the start was published by a process that is
    // gone.
    let grace = if services.queue.is_durable() {
        GRACE
    } else {
        Duration::ZERO
    };
    let mut dispatcher = Dispatcher {
        services,
        shutdown,
        grace,
        settled: Instant::now() + SETTLING,
    };
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = dispatcher.shutdown.cancelled() => return,
        }
        match dispatcher.look().await {
            Ok(()) => dispatcher.grace = GRACE,
            Err(error) => {
                dispatcher.settled = Instant::now() + SETTLING;
                tracing::debug!(%error, "nothing dispatched");
            }
        }
    }
}

struct Dispatcher {
    services: Services,
    shutdown: CancellationToken,
    grace: Duration,
    /// When the store will have been there for long enough to believe in expired leases.
    settled: Instant,
}

impl Dispatcher {
    async fn look(&mut self) -> Result<(), Error> {
        if !self.services.store.hosts.is_writable() {
            // A replica would answer, but what is published could not be noted, and nobody can
            // renew.
            return Err(Error::Unavailable("no host takes writes".to_owned()));
        }
        let jobs = &self.services.store.dispatches;
        let lag = answer(jobs.lag()).await?;
        self.services.metrics.dispatch_lag.set(lag.as_secs_f64());
        while !self.shutdown.is_cancelled() {
            let published = self
                .publish(&answer(jobs.due(self.grace, BATCH)).await?)
                .await;
            answer(jobs.mark_dispatched(&published)).await?;
            if published.len() < BATCH as usize {
                break;
            }
        }
        while !self.shutdown.is_cancelled() && Instant::now() >= self.settled {
            let published = self.publish(&answer(jobs.expired(BATCH)).await?).await;
            answer(jobs.expire_leases(&published)).await?;
            if published.len() < BATCH as usize {
                break;
            }
        }
        if self.queue_is_empty().await {
            let published = self
                .publish(&answer(jobs.overdue(OVERDUE, BATCH)).await?)
                .await;
            answer(jobs.mark_dispatched(&published)).await?;
        }
        Ok(())
    }

    /// Publishes jobs; which of them the queue took. Should the note of it get lost, spare copies
    /// are published.
    async fn publish(&self, due: &[Submission]) -> Vec<Uuid> {
        let mut published = Vec::with_capacity(due.len());
        for submission in due {
            match self.services.queue.publish(submission).await {
                Ok(()) => published.push(submission.job_id),
                Err(error) => {
                    tracing::debug!(%error, "left for the next look");
                    break;
                }
            }
        }
        if !published.is_empty() {
            self.services
                .metrics
                .dispatched
                .inc_by(published.len() as u64);
            tracing::info!(jobs = published.len(), "dispatched");
        }
        published
    }

    /// Whether no message waits. A broker that was begun anew says so too.
    async fn queue_is_empty(&self) -> bool {
        let depths = self.services.queue.depths().await;
        depths.is_ok_and(|depths| depths.iter().all(|(_, depth)| *depth == 0))
    }
}
