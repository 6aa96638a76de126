//! Takes deliveries, has each handled, and is the only place that settles them.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use tars_shared::queue::{Consumer, Delivery, Error};
use tars_shared::services::Services;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::delivered::Delivered;
use crate::handler::Handler;
use crate::outcome::Outcome;
use crate::pace::Pace;
use crate::pauses::Pauses;
use crate::retrying::answer;

/// The pause before a consumer that broke is rebuilt, and after a handler that panicked.
const RESTART_DELAY: Duration = Duration::from_millis(500);

/// When nothing in hand has ended for so long, jobs are longer than they were.
const STALL_TIMEOUT: Duration = Duration::from_secs(1);

/// Takes deliveries until `drain`, and returns when all in hand are settled.
pub(crate) struct Intake {
    services: Services,
    handler: Arc<Handler>,
    delivered: Arc<Delivered>,
    pauses: Arc<Pauses>,
    drain: CancellationToken,
    in_hand: Arc<InHand>,
    handlers: TaskTracker,
    pace: Pace,
}

/// The deliveries in the hands of handlers.
#[derive(Debug, Default)]
struct InHand {
    count: AtomicUsize,
    ended: AtomicU64,
    freed: Notify,
}

/// One of them, for as long as this lives.
struct Held(Arc<InHand>);

impl InHand {
    fn hold(self: &Arc<Self>) -> Held {
        self.count.fetch_add(1, Ordering::Relaxed);
        Held(self.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::Relaxed);
        self.0.ended.fetch_add(1, Ordering::Relaxed);
        self.0.freed.notify_one();
    }
}

impl Intake {
    pub(crate) fn new(
        services: Services,
        handler: Arc<Handler>,
        delivered: Arc<Delivered>,
        drain: CancellationToken,
        (slots, window): (usize, usize),
    ) -> Self {
        Self {
            services,
            pauses: handler.pauses(),
            handler,
            delivered,
            drain,
            in_hand: Arc::default(),
            handlers: TaskTracker::new(),
            pace: Pace::new(slots, window, Instant::now()),
        }
    }

    pub(crate) async fn run(mut self) {
        while !self.drain.is_cancelled() {
            tokio::select! {
                () = self.pauses.until_some_may_begin() => {}
                () = self.drain.cancelled() => break,
            }
            if let Err(error) = self.consume().await {
                tracing::warn!(%error, "the consumer broke and is rebuilt");
                tokio::select! {
                    () = tokio::time::sleep(RESTART_DELAY) => {}
                    () = self.drain.cancelled() => {}
                }
            }
        }
        self.handlers.close();
        self.handlers.wait().await;
    }

    /// Takes deliveries until `drain`, or until everything is paused: then what was taken in advance
    /// goes back, and waits in its place.
    async fn consume(&mut self) -> Result<(), Error> {
        let (drain, pauses) = (self.drain.clone(), self.pauses.clone());
        let stopped = async {
            tokio::select! {
                () = drain.cancelled() => {}
                () = pauses.until_none_may_begin() => {}
            }
        };
        let mut stopped = std::pin::pin!(stopped);
        let mut consumer = self.services.queue.consume().await?;
        loop {
            tokio::select! {
                biased;
                () = &mut stopped => return Ok(()),
                room = self.room(consumer.as_mut()) => room?,
            }
            let delivery = tokio::select! {
                biased;
                () = &mut stopped => return Ok(()),
                delivery = consumer.next() => delivery?,
            };
            self.begin(delivery);
        }
    }

    /// Waits until another delivery may be in hand.
    async fn room(&mut self, consumer: &mut dyn Consumer) -> Result<(), Error> {
        let in_hand = self.in_hand.clone();
        let mut saturated = false;
        while self.is_full() {
            saturated = true;
            // Whatever is freed from here on is noticed.
            let freed = in_hand.freed.notified();
            if self.is_full() && tokio::time::timeout(STALL_TIMEOUT, freed).await.is_err() {
                self.follow_pace(consumer, true).await?;
            }
        }
        self.follow_pace(consumer, saturated).await
    }

    fn is_full(&self) -> bool {
        self.in_hand.count.load(Ordering::Relaxed) >= self.pace.in_hand()
    }

    async fn follow_pace(
        &mut self,
        consumer: &mut dyn Consumer,
        saturated: bool,
    ) -> Result<(), Error> {
        let ended = self.in_hand.ended.load(Ordering::Relaxed);
        self.pace.look(Instant::now(), ended, saturated);
        self.handler.run_beside(self.pace.in_hand());
        consumer.prefetch(self.pace.prefetch()).await
    }

    fn begin(&self, delivery: Delivery) {
        self.delivered.note(&delivery.submission);
        let (services, handler) = (self.services.clone(), self.handler.clone());
        let held = self.in_hand.hold();
        self.handlers.spawn(async move {
            let handling = AssertUnwindSafe(handle(&services, &handler, delivery));
            match handling.catch_unwind().await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "a delivery was not settled"),
                // What it held goes back to the queue and the store, where attempts are counted.
                Err(_) => {
                    tracing::error!("a handler panicked: its delivery goes back");
                    tokio::time::sleep(RESTART_DELAY).await;
                }
            }
            drop(held);
        });
    }
}

async fn handle(services: &Services, handler: &Handler, delivery: Delivery) -> Result<(), Error> {
    #[cfg(feature = "faults")]
    crate::faults::reach(crate::faults::Point::Delivered);
    let outcome = handler.handle(&delivery).await;
    #[cfg(feature = "faults")]
    crate::faults::reach(crate::faults::Point::Committed);
    services
        .metrics
        .deliveries
        .with_label_values(&[outcome.as_str()])
        .inc();
    carry_out(services, delivery, outcome).await
}

/// Carries an outcome out. What the handler wrote is committed by now: no ack before commit.
async fn carry_out(services: &Services, delivery: Delivery, outcome: Outcome) -> Result<(), Error> {
    let job_id = delivery.submission.job_id;
    let ours = match outcome {
        Outcome::Requeue => delivery.requeue().await?,
        Outcome::Done | Outcome::Dead | Outcome::Held => delivery.ack().await?,
        Outcome::Retry(tier) => {
            match services
                .queue
                .publish_later(&delivery.submission, tier)
                .await
            {
                // Should this note get lost, the dispatcher publishes a spare copy.
                Ok(()) => drop(answer(services.store.dispatches.mark_dispatched(&[job_id])).await),
                Err(error) => {
                    tracing::warn!(job.id = %job_id, %error, "the retry is left to the dispatcher");
                }
            }
            delivery.ack().await?
        }
    };
    if !ours {
        tracing::info!(job.id = %job_id, "the delivery had gone to another consumer already");
    }
    Ok(())
}
