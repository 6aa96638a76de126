//! Records what the queue gave up on, so that every message ends somewhere. Every worker runs one; where the queue never
//! gives up, there is nothing to do.

use std::time::Duration;

use tars_shared::queue::{DeadConsumer, Error};
use tars_shared::services::Services;
use tokio_util::sync::CancellationToken;

use crate::patience::until_answered;

/// The pause before a consumer that broke is rebuilt.
const REBUILD_PAUSE: Duration = Duration::from_millis(500);

/// Records until `shutdown`.
pub(crate) async fn run(services: Services, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        match services.queue.consume_dead().await {
            Ok(None) => return,
            Ok(Some(consumer)) => {
                if let Err(error) = record(&services, consumer, &shutdown).await {
                    tracing::warn!(%error, "the consumer of dead letters broke and is rebuilt");
                }
            }
            Err(error) => tracing::debug!(%error, "no dead letters for now"),
        }
        tokio::select! {
            () = tokio::time::sleep(REBUILD_PAUSE) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

async fn record(
    services: &Services,
    mut consumer: Box<dyn DeadConsumer>,
    shutdown: &CancellationToken,
) -> Result<(), Error> {
    loop {
        let message = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            message = consumer.next() => message?,
        };
        // What is held when the worker ends goes to the recorder of another one.
        if until_answered(shutdown, || services.store.dead_letters.bury(&message)).await.is_err() {
            return Ok(());
        }
        tracing::warn!(message.id = %message.message_id, reason = message.reason, "recorded a dead letter");
        services.metrics.dead_messages.with_label_values(&[&message.reason]).inc();
        consumer.ack().await?;
    }
}
