//! Delivers webhooks. Every worker does so that has a secret to sign with; two of them do no harm.
//!
//! At least once: whoever dies between sending a message and the note of it leaves it to others, who
//! send it again under the same id.

mod receiver;
mod trust;

use std::sync::Arc;
use std::time::Duration;

use tars_shared::services::Services;
use tars_shared::webhook::{ATTEMPTS, Due, Noted, Outcome, Secrets, Webhooks, delay};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use self::receiver::{Message, Receivers};
use crate::retrying::answer;
use crate::shutdown::Shutdown;

/// How often it is looked for what is due.
const INTERVAL: Duration = Duration::from_millis(500);
/// Messages under way at one time.
const AT_ONCE: usize = 32;
/// How long a receiver may take, from the look for its address to its answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long a message is in one worker's hands: for an attempt, and the note of it while the store is
/// slow.
const RESERVATION: Duration = Duration::from_secs(30);
/// The receiver wants nothing more of us.
const GONE: u16 = 410;

/// Delivers until `shutdown`. What is under way then may finish within the grace period.
pub(crate) async fn run(services: Services, webhooks: Webhooks, shutdown: Shutdown) {
    // Others may have a secret: what is due stays due.
    let Some(secrets) = webhooks.secrets else {
        return;
    };
    let deliverer = Arc::new(Deliverer {
        receivers: Receivers::new(webhooks.networks, webhooks.allow_http).await,
        secrets,
        services,
    });
    tokio::select! {
        () = deliver(&deliverer, &shutdown.drain) => {}
        () = shutdown.now.cancelled() => {}
    }
}

async fn deliver(deliverer: &Arc<Deliverer>, drain: &CancellationToken) {
    let mut under_way = JoinSet::new();
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut more = false;
    loop {
        tokio::select! {
            biased;
            () = drain.cancelled() => break,
            Some(ended) = under_way.join_next(), if !under_way.is_empty() => {
                note_panic(ended);
                if !more {
                    continue;
                }
            }
            _ = tick.tick() => {}
        }
        let free = AT_ONCE - under_way.len();
        if free == 0 {
            continue;
        }
        let webhooks = &deliverer.services.store.webhooks;
        let limit = u32::try_from(free).unwrap_or(u32::MAX);
        match answer(webhooks.take_due(RESERVATION, limit)).await {
            Ok(due) => {
                more = due.len() == free;
                for due in due {
                    under_way.spawn(deliverer.clone().attempt(due));
                }
            }
            Err(error) => {
                more = false;
                tracing::debug!(%error, "webhooks wait for the store");
            }
        }
    }
    while let Some(ended) = under_way.join_next().await {
        note_panic(ended);
    }
}

/// A panic is a defect; the attempt counts, and the message is due again.
fn note_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(panic) = ended {
        tracing::error!(%panic, "the delivery of a webhook broke down");
    }
}

struct Deliverer {
    services: Services,
    receivers: Receivers,
    secrets: Secrets,
}

impl Deliverer {
    async fn attempt(self: Arc<Self>, due: Due) {
        let start = Instant::now();
        let sent = if due.tried > ATTEMPTS {
            Err("the worker vanished in its last attempt".to_owned())
        } else {
            self.send(&due).await
        };
        let noted = judge(&due, sent, start.elapsed());
        self.count(&due, &noted);
        let webhooks = &self.services.store.webhooks;
        match answer(webhooks.note(due.id, due.attempt, &noted)).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!(webhook.id = %due.id, "somebody else has begun another attempt");
            }
            Err(error) => {
                tracing::warn!(webhook.id = %due.id, %error, "not noted: it will be sent again");
            }
        }
    }

    /// The status that the receiver answered with, or why it answered nothing.
    async fn send(&self, due: &Due) -> Result<u16, String> {
        let (id, body) = (due.id.to_string(), due.body());
        let timestamp = self.services.clock.now().timestamp();
        let message = Message {
            url: &due.url,
            signature: self.secrets.sign(&id, timestamp, &body),
            id,
            timestamp,
            body,
        };
        let late = |_| Err(format!("no answer within {} s", TIMEOUT.as_secs()));
        tokio::time::timeout(TIMEOUT, self.receivers.post(message))
            .await
            .unwrap_or_else(late)
    }

    fn count(&self, due: &Due, noted: &Noted) {
        let outcome = match noted.outcome {
            Outcome::Delivered => "delivered",
            Outcome::Again(_) => "retried",
            Outcome::Dead => "dead",
        };
        let counter = &self.services.metrics.webhook_deliveries;
        counter.with_label_values(&[outcome]).inc();
        // The address may hold a secret of its receiver.
        let error = noted.error.as_deref();
        tracing::info!(
            webhook.id = %due.id, attempt = due.attempt, outcome, status = noted.status, error, "webhook"
        );
    }
}

/// What follows from an attempt.
fn judge(due: &Due, sent: Result<u16, String>, took: Duration) -> Noted {
    let again = delay(due.id, due.tried).map_or(Outcome::Dead, Outcome::Again);
    let (outcome, status, error) = match sent {
        Ok(status @ 200..=299) => (Outcome::Delivered, Some(status), None),
        Ok(GONE) => (
            Outcome::Dead,
            Some(GONE),
            Some("the receiver says that it is gone for good (410)".to_owned()),
        ),
        Ok(status @ 300..=399) => (
            again,
            Some(status),
            Some(format!(
                "the receiver redirects ({status}), which is not followed"
            )),
        ),
        Ok(status) => (
            again,
            Some(status),
            Some(format!("the receiver answered with {status}")),
        ),
        Err(error) => (again, None, Some(error)),
    };
    Noted {
        outcome,
        took,
        status,
        error,
    }
}
