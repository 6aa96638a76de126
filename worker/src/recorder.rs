//! Records what the queue gave up on, so that every message ends somewhere. Every worker runs one;
//! where the queue never gives up, there is nothing to do.

use std::time::Duration;

use tars_shared::queue::{DeadConsumer, Error};
use tars_shared::services::Services;
use tokio_util::sync::CancellationToken;

use crate::patience::{Unanswered, until_answered};

/// The pause before a consumer that broke is rebuilt.
const REBUILD_PAUSE: Duration = Duration::from_millis(500);

/// Records until `shutdown`.
pub(crate) async fn run(services: Services, max_attempts: u32, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        match services.queue.consume_dead().await {
            Ok(None) => return,
            Ok(Some(consumer)) => {
                if let Err(error) = record(&services, max_attempts, consumer, &shutdown).await {
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
    max_attempts: u32,
    mut consumer: Box<dyn DeadConsumer>,
    shutdown: &CancellationToken,
) -> Result<(), Error> {
    loop {
        let mut message = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            message = consumer.next() => message?,
        };
        let letters = &services.store.dead_letters;
        loop {
            match until_answered(shutdown, || letters.bury(&message, max_attempts)).await {
                Ok(()) => break,
                // What is held when the worker ends goes to the recorder of another one.
                Err(Unanswered::Shutdown) => return Ok(()),
                // The store cannot take it for the job that it names, but it can keep its bytes.
                Err(Unanswered::Corrupt(error)) if message.submission.is_ok() => {
                    message.submission = Err(format!("the store cannot take this job: {error}"));
                }
                Err(Unanswered::Corrupt(error)) => {
                    tracing::error!(message.id = %message.message_id, %error, "a dead letter that cannot be kept");
                    break;
                }
            }
        }
        tracing::warn!(message.id = %message.message_id, reason = message.reason, "recorded a dead letter");
        services
            .metrics
            .dead_messages
            .with_label_values(&[&message.reason])
            .inc();
        consumer.ack().await?;
    }
}
