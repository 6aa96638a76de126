//! Publishes jobs that no message stands for. Every worker runs one; two of them do no harm.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tars_shared::line::Lane;
use tars_shared::request::Priority;
use tars_shared::services::Services;
use tars_shared::store::Error;
use tokio_util::sync::CancellationToken;

use crate::delivered::Delivered;
use crate::publishing::{left, publish};
use crate::retrying::answer;

const INTERVAL: Duration = Duration::from_millis(500);
/// The API publishes within this time after it recorded a job, or not at all.
const PUBLISH_GRACE: Duration = Duration::from_secs(2);
/// While the store is away nobody can renew a lease or claim what was delivered: for so long after
/// its return, neither an expired lease nor a job that is still queued says anything.
const RETURN_GRACE: Duration = Duration::from_secs(2);
/// How long a message may be in a worker's hands, or on its way there, before its job is claimed.
const CLAIM_GRACE: Duration = Duration::from_secs(30);
/// Jobs of one query.
const BATCH: u32 = 1000;
/// How long a batch may take to be published, before others may publish it too.
const RESERVATION: Duration = Duration::from_secs(10);

/// Dispatches until `shutdown`.
pub(crate) async fn run(
    services: Services,
    delivered: Arc<Delivered>,
    shutdown: CancellationToken,
) {
    // Where the queue forgets, what the store holds at the start was published by a process that is
    // gone.
    let publish_grace = if services.queue.is_durable() {
        PUBLISH_GRACE
    } else {
        Duration::ZERO
    };
    let mut dispatcher = Dispatcher {
        services,
        delivered,
        shutdown,
        publish_grace,
        settled: Instant::now() + RETURN_GRACE,
    };
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = dispatcher.shutdown.cancelled() => return,
        }
        match dispatcher.dispatch().await {
            Ok(()) => dispatcher.publish_grace = PUBLISH_GRACE,
            Err(error) => {
                dispatcher.settled = Instant::now() + RETURN_GRACE;
                tracing::debug!(%error, "nothing dispatched");
            }
        }
    }
}

struct Dispatcher {
    services: Services,
    delivered: Arc<Delivered>,
    shutdown: CancellationToken,
    publish_grace: Duration,
    /// When the store will have been there for long enough to believe in expired leases.
    settled: Instant,
}

impl Dispatcher {
    async fn dispatch(&self) -> Result<(), Error> {
        if !self.services.store.hosts.is_writable() {
            // A replica would answer, but what is published could not be noted, and nobody can
            // renew.
            return Err(Error::Unavailable("no host takes writes".to_owned()));
        }
        self.measure().await?;
        self.dispatch_due().await?;
        if Instant::now() >= self.settled {
            self.dispatch_expired().await?;
            self.dispatch_lost().await?;
        }
        Ok(())
    }

    async fn measure(&self) -> Result<(), Error> {
        let (jobs, metrics) = (&self.services.store.dispatches, &self.services.metrics);
        let lag = answer(jobs.lag()).await?;
        metrics.dispatch_lag.set(lag.as_secs_f64());
        for priority in Priority::ALL {
            let age = answer(jobs.oldest_queued(priority)).await?;
            metrics
                .oldest_queued
                .with_label_values(&[priority.as_str()])
                .set(age.as_secs_f64());
        }
        Ok(())
    }

    /// Jobs that were never published, or whose retry is due.
    async fn dispatch_due(&self) -> Result<(), Error> {
        let jobs = &self.services.store.dispatches;
        while !self.shutdown.is_cancelled() {
            let due = jobs.take_due(self.publish_grace, RESERVATION, BATCH);
            let due = answer(due).await?;
            let published = publish(&self.services, &due).await;
            answer(jobs.mark_dispatched(&published)).await?;
            let left = left(&due, &published);
            answer(jobs.mark_unpublished(&left)).await?;
            if published.len() < BATCH as usize {
                break;
            }
        }
        Ok(())
    }

    /// Jobs whose worker is gone.
    async fn dispatch_expired(&self) -> Result<(), Error> {
        let jobs = &self.services.store.dispatches;
        while !self.shutdown.is_cancelled() {
            let published = publish(&self.services, &answer(jobs.expired(BATCH)).await?).await;
            answer(jobs.expire_leases(&published)).await?;
            if published.len() < BATCH as usize {
                break;
            }
        }
        Ok(())
    }

    /// Jobs whose messages were lost, which no queue says of itself. They show in each line for
    /// itself, whatever waits in the others: either no message of it waits any more, or younger
    /// jobs of it are delivered already.
    async fn dispatch_lost(&self) -> Result<(), Error> {
        // A broker that does not answer cannot be published to.
        let Ok(depths) = self.services.queue.depths().await else {
            return Ok(());
        };
        let now = self.services.clock.now();
        for priority in Priority::ALL {
            let depths = depths.iter().filter(|(line, _)| line.priority == priority);
            let (empty, waiting): (Vec<_>, Vec<_>) = depths.partition(|(_, depth)| *depth == 0);
            let empty: Vec<_> = empty.iter().map(|(line, _)| line.lane).collect();
            self.dispatch_overdue(priority, &empty, now).await?;
            for (line, _) in waiting {
                if let Some(youngest) = self.delivered.youngest(line) {
                    self.dispatch_overdue(priority, &[line.lane], youngest)
                        .await?;
                }
            }
        }
        Ok(())
    }

    /// Jobs that were overtaken at this moment in their lane, or earlier.
    async fn dispatch_overdue(
        &self,
        priority: Priority,
        lanes: &[Lane],
        overtaken: DateTime<Utc>,
    ) -> Result<(), Error> {
        let jobs = &self.services.store.dispatches;
        while !self.shutdown.is_cancelled() {
            let lost = jobs.overdue(priority, lanes, overtaken - CLAIM_GRACE, BATCH);
            let published = publish(&self.services, &answer(lost).await?).await;
            answer(jobs.mark_dispatched(&published)).await?;
            if published.len() < BATCH as usize {
                break;
            }
        }
        Ok(())
    }
}
