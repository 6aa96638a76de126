//! Takes jobs, one at a time and the most urgent first.
//!
//! While there is a backlog, messages are fetched: high, then normal, then low. Only when all three
//! queues are empty does the consumer let itself be woken by a push from any of them, takes the
//! most urgent that comes, ends its subscriptions and gives the rest back. Simpler ways do not do:
//! quorum queues refuse `x-max-priority`; a prefetch shared by three subscriptions would be a
//! global limit, which quorum queues answer by closing the connection; and three standing
//! subscriptions would hold a message of each priority while the slot works on one, and other slots
//! would starve.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::future::{select_all, try_join_all};
use lapin::{Acker, Channel};

use lapin::message::Delivery as Message;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicGetOptions, BasicNackOptions,
    BasicQosOptions, BasicRejectOptions,
};
use lapin::types::FieldTable;

use super::link::{Session, with_timeout};
use super::{message, topology};
use crate::queue::{Consumer, Delivery, Error};
use crate::request::Priority;

/// How long the broker may take to answer. Longer than for a publication: no client waits for this.
pub(super) const BROKER_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a waiting consumer looks at its channel, which can die without a word.
pub(super) const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A channel that holds one delivery at a time.
#[derive(Debug)]
pub(super) struct JobConsumer {
    session: Arc<Session>,
    channel: Channel,
    /// While it waits: one subscription per priority, in the order of [`Priority::ALL`].
    subscriptions: Vec<lapin::Consumer>,
    held: Option<Acker>,
    /// Between the start and the end of `next`: what the channel holds is not known.
    waiting: bool,
}

impl JobConsumer {
    /// Opens a channel of its own.
    pub(super) async fn open(session: Arc<Session>) -> Result<Self, Error> {
        let channel = session.channel(BROKER_TIMEOUT).await?;
        with_timeout(
            BROKER_TIMEOUT,
            "limiting the prefetch",
            channel.basic_qos(1, BasicQosOptions::default()),
        )
        .await?;
        Ok(Self {
            session,
            channel,
            subscriptions: Vec::new(),
            held: None,
            waiting: false,
        })
    }

    /// What waits already, the most urgent first.
    async fn fetch(&self) -> Result<Option<Message>, Error> {
        for priority in Priority::ALL {
            let asked = self.channel.basic_get(
                topology::jobs_queue(priority).into(),
                BasicGetOptions::default(),
            );
            if let Some(message) = with_timeout(BROKER_TIMEOUT, "fetching a message", asked).await?
            {
                return Ok(Some(message.delivery));
            }
        }
        Ok(None)
    }

    /// Waits for what comes next.
    async fn pushed(&mut self) -> Result<Message, Error> {
        let subscribed = try_join_all(Priority::ALL.map(|priority| {
            let (queue, options) = (
                topology::jobs_queue(priority).into(),
                BasicConsumeOptions::default(),
            );
            self.channel
                .basic_consume(queue, "".into(), options, FieldTable::default())
        }));
        self.subscriptions = with_timeout(BROKER_TIMEOUT, "subscribing", subscribed).await?;
        let first = self.first_push().await?;

        let ended = self.subscriptions.iter().map(|one| {
            self.channel
                .basic_cancel(one.tag(), BasicCancelOptions::default())
        });
        with_timeout(
            BROKER_TIMEOUT,
            "ending the subscriptions",
            try_join_all(ended),
        )
        .await?;
        let mut all = vec![first];
        for (rank, mut subscription) in self.subscriptions.drain(..).enumerate() {
            // The end of a subscription ends its stream, behind whatever was pushed before.
            while let Some(message) = subscription.next().await {
                all.push((rank, message.map_err(|error| broken(&error))?));
            }
        }
        all.sort_by_key(|(rank, _)| *rank);
        let mut all = all.into_iter().map(|(_, message)| message);
        let urgent = all
            .next()
            .ok_or_else(|| Error::Unavailable("the broker pushed nothing".to_owned()))?;
        for surplus in all {
            let options = BasicNackOptions {
                requeue: true,
                ..BasicNackOptions::default()
            };
            with_timeout(
                BROKER_TIMEOUT,
                "giving back a message",
                surplus.acker.nack(options),
            )
            .await?;
        }
        Ok(urgent)
    }

    /// The first message that any subscription gives, with the rank of its priority.
    async fn first_push(&mut self) -> Result<(usize, Message), Error> {
        loop {
            let next = select_all(
                self.subscriptions
                    .iter_mut()
                    .map(futures_util::StreamExt::next),
            );
            tokio::select! {
                (message, rank, _) = next => return match message {
                    Some(Ok(message)) => Ok((rank, message)),
                    // The stream hangs after an error, so the consumer is of no use any more.
                    Some(Err(error)) => Err(broken(&error)),
                    None => Err(Error::Unavailable("the broker cancelled the consumer".to_owned())),
                },
                () = self.session.lost() => return Err(Error::Unavailable("the connection is lost".to_owned())),
                () = tokio::time::sleep(POLL_INTERVAL) => self.check()?,
            }
        }
    }

    fn check(&self) -> Result<(), Error> {
        if self.channel.status().connected() {
            return Ok(());
        }
        Err(Error::Unavailable("the channel is closed".to_owned()))
    }
}

fn broken(error: &lapin::Error) -> Error {
    Error::Unavailable(format!("the consumer broke: {error}"))
}

/// Whether the broker took our word for the delivery. On a dead channel it did not: it gives the
/// delivery to another consumer, or has done so.
pub(super) async fn settled(
    settling: impl Future<Output = lapin::Result<bool>>,
) -> Result<bool, Error> {
    match tokio::time::timeout(BROKER_TIMEOUT, settling).await {
        Ok(settled) => Ok(settled.unwrap_or(false)),
        Err(_) => Err(Error::Unavailable(format!(
            "settling a delivery took more than {BROKER_TIMEOUT:?}"
        ))),
    }
}

/// Closes a channel in the background: the broker then gives what it held to another consumer.
pub(super) fn close(channel: Channel, subscriptions: Vec<lapin::Consumer>) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(async move {
            // The channel first: a subscription that is dropped while its channel lives cancels
            // itself, and when the two cross, the driver takes the channel's end for a broken
            // connection.
            drop(tokio::time::timeout(BROKER_TIMEOUT, channel.close(200, "done".into())).await);
            drop(subscriptions);
        });
    }
}

#[async_trait]
impl Consumer for JobConsumer {
    async fn next(&mut self) -> Result<Delivery, Error> {
        if self.waiting {
            return Err(Error::Unavailable(
                "an earlier wait was broken off".to_owned(),
            ));
        }
        self.requeue().await?;
        self.waiting = true;
        loop {
            let message = match self.fetch().await? {
                Some(message) => message,
                None => self.pushed().await?,
            };
            let message_id = message::id(&message.properties, &message.data);
            match message::read(&message.data) {
                Ok(submission) => {
                    self.held = Some(message.acker);
                    self.waiting = false;
                    return Ok(Delivery {
                        submission,
                        message_id,
                    });
                }
                Err(error) => {
                    tracing::warn!(message.id = %message_id, error, "a message cannot be read and is given up");
                    let rejected = message.acker.reject(BasicRejectOptions { requeue: false });
                    with_timeout(BROKER_TIMEOUT, "rejecting a message", rejected).await?;
                }
            }
        }
    }

    async fn ack(&mut self) -> Result<bool, Error> {
        let Some(acker) = self.held.take() else {
            return Ok(false);
        };
        settled(acker.ack(BasicAckOptions::default())).await
    }

    async fn requeue(&mut self) -> Result<bool, Error> {
        let Some(acker) = self.held.take() else {
            return Ok(false);
        };
        settled(acker.nack(BasicNackOptions {
            requeue: true,
            ..BasicNackOptions::default()
        }))
        .await
    }
}

impl Drop for JobConsumer {
    fn drop(&mut self) {
        close(
            self.channel.clone(),
            std::mem::take(&mut self.subscriptions),
        );
    }
}
