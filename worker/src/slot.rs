//! One slot: takes a delivery, has it handled, and is the only place that acknowledges.

use std::sync::Arc;
use std::time::Duration;

use tars_shared::metrics::Metrics;
use tars_shared::queue::{Consumer, Delivery, Error};
use tars_shared::services::Services;
use tokio_util::sync::CancellationToken;

use crate::delivered::Delivered;
use crate::handler::Handler;
use crate::outcome::Outcome;
use crate::retrying::answer;

/// The pause before a consumer that broke is rebuilt.
const REBUILD_DELAY: Duration = Duration::from_millis(500);

/// Works on one delivery at a time until `shutdown`.
pub(crate) async fn run(
    services: Services,
    handler: Arc<Handler>,
    delivered: Arc<Delivered>,
    shutdown: CancellationToken,
) {
    while !shutdown.is_cancelled() {
        if let Err(error) = consume(&services, &handler, &delivered, &shutdown).await {
            tracing::warn!(%error, "the consumer broke and is rebuilt");
            tokio::select! {
                () = tokio::time::sleep(REBUILD_DELAY) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }
}

async fn consume(
    services: &Services,
    handler: &Handler,
    delivered: &Delivered,
    shutdown: &CancellationToken,
) -> Result<(), Error> {
    let mut consumer = services.queue.consume().await?;
    loop {
        let delivery = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            delivery = consumer.next() => delivery?,
        };
        delivered.note(&delivery.submission);
        let busy = Busy::count(&services.metrics);
        #[cfg(feature = "faults")]
        crate::faults::reach(crate::faults::Point::Delivered);
        let outcome = handler.handle(&delivery).await;
        #[cfg(feature = "faults")]
        crate::faults::reach(crate::faults::Point::Committed);
        drop(busy);
        services
            .metrics
            .deliveries
            .with_label_values(&[outcome.as_str()])
            .inc();
        carry_out(services, consumer.as_mut(), &delivery, outcome).await?;
    }
}

/// Counts a slot as busy for as long as it lives, also when a panic ends it.
struct Busy<'a>(&'a Metrics);

impl<'a> Busy<'a> {
    fn count(metrics: &'a Metrics) -> Self {
        metrics.worker_slots.with_label_values(&["idle"]).dec();
        metrics.worker_slots.with_label_values(&["busy"]).inc();
        Self(metrics)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.worker_slots.with_label_values(&["busy"]).dec();
        self.0.worker_slots.with_label_values(&["idle"]).inc();
    }
}

/// Carries an outcome out. What the handler wrote is committed by now: no ack before commit.
async fn carry_out(
    services: &Services,
    consumer: &mut dyn Consumer,
    delivery: &Delivery,
    outcome: Outcome,
) -> Result<(), Error> {
    let job_id = delivery.submission.job_id;
    let ours = match outcome {
        Outcome::Requeue => consumer.requeue().await?,
        Outcome::Done | Outcome::Dead => consumer.ack().await?,
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
            consumer.ack().await?
        }
    };
    if !ours {
        tracing::info!(job.id = %job_id, "the delivery had gone to another consumer already");
    }
    Ok(())
}
