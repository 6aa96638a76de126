//! Records what the queue gave up on, so that every message ends somewhere. Every worker runs one;
//! where the queue never gives up, there is nothing to do.

use std::time::Duration;

use tars_shared::queue::{DeadConsumer, DeadMessage, Error};
use tars_shared::services::Services;
use tars_shared::store::{self, Store};
use tokio_util::sync::CancellationToken;

use crate::retrying::retrying;

/// The pause before a consumer that broke is rebuilt.
const REBUILD_DELAY: Duration = Duration::from_millis(500);

/// Records until `shutdown`.
pub(crate) async fn run(services: Services, max_attempts: u32, shutdown: CancellationToken) {
    let recorder = Recorder {
        store: retrying(&services.store, &shutdown),
        services,
        max_attempts,
    };
    while !shutdown.is_cancelled() {
        match recorder.services.queue.consume_dead().await {
            Ok(None) => return,
            Ok(Some(consumer)) => {
                if let Err(error) = recorder.consume(consumer, &shutdown).await {
                    tracing::warn!(%error, "the consumer of dead letters broke and is rebuilt");
                }
            }
            Err(error) => tracing::debug!(%error, "no dead letters for now"),
        }
        tokio::select! {
            () = tokio::time::sleep(REBUILD_DELAY) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

struct Recorder {
    services: Services,
    store: Store,
    max_attempts: u32,
}

impl Recorder {
    async fn consume(
        &self,
        mut consumer: Box<dyn DeadConsumer>,
        shutdown: &CancellationToken,
    ) -> Result<(), Error> {
        loop {
            let message = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                message = consumer.next() => message?,
            };
            let (id, reason) = (message.message_id, message.reason.clone());
            match self.record(message).await {
                Ok(()) => {
                    tracing::warn!(message.id = %id, reason, "recorded a dead letter");
                }
                // What is held when the worker stops goes to the recorder of another one.
                Err(store::Error::Unavailable(_)) => return Ok(()),
                Err(error @ store::Error::Corrupt(_)) => {
                    tracing::error!(message.id = %id, %error, "a dead letter that cannot be kept");
                }
            }
            self.services
                .metrics
                .dead_messages
                .with_label_values(&[&reason])
                .inc();
            consumer.ack().await?;
        }
    }

    async fn record(&self, mut message: DeadMessage) -> Result<(), store::Error> {
        let letters = &self.store.dead_messages;
        match letters.dead_letter(&message, self.max_attempts).await {
            // The store cannot take it for the job that it names, but it can keep its bytes.
            Err(store::Error::Corrupt(error)) if message.submission.is_ok() => {
                message.submission = Err(format!("the store cannot take this job: {error}"));
                letters.dead_letter(&message, self.max_attempts).await
            }
            recorded => recorded,
        }
    }
}
