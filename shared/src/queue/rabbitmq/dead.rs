//! Takes the messages that the broker gave up on, one at a time.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use lapin::Acker;

use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;

use super::channel::{BROKER_TIMEOUT, OpenChannel, back, in_background, settled};
use super::link::{Session, with_timeout};
use super::subscriptions::POLL_INTERVAL;
use super::{message, topology};
use crate::queue::{DeadConsumer, DeadMessage, Error};

/// A subscription to the dead queue that holds one message at a time.
#[derive(Debug)]
pub(super) struct DeadMessages {
    session: Arc<Session>,
    channel: Arc<OpenChannel>,
    subscription: lapin::Consumer,
    held: Option<Acker>,
}

impl DeadMessages {
    /// Subscribes on a channel of its own.
    pub(super) async fn open(session: Arc<Session>) -> Result<Self, Error> {
        let channel = OpenChannel::open(&session).await?;
        with_timeout(
            BROKER_TIMEOUT,
            "limiting the prefetch",
            channel.basic_qos(1, BasicQosOptions::default()),
        )
        .await?;
        let options = BasicConsumeOptions::default();
        let subscribed = channel.basic_consume(
            topology::DEAD.into(),
            "".into(),
            options,
            FieldTable::default(),
        );
        let subscription = with_timeout(BROKER_TIMEOUT, "subscribing", subscribed).await?;
        Ok(Self {
            session,
            channel,
            subscription,
            held: None,
        })
    }
}

#[async_trait]
impl DeadConsumer for DeadMessages {
    async fn next(&mut self) -> Result<DeadMessage, Error> {
        if let Some(acker) = self.held.take() {
            settled(acker.nack(back())).await?;
        }
        let message = loop {
            tokio::select! {
                message = self.subscription.next() => break message,
                () = self.session.lost() => break None,
                () = tokio::time::sleep(POLL_INTERVAL) => if !self.channel.status().connected() { break None },
            }
        };
        match message {
            Some(Ok(message)) => {
                self.held = Some(message.acker);
                Ok(message::dead(&message.properties, message.data))
            }
            Some(Err(error)) => Err(Error::Unavailable(format!("the consumer broke: {error}"))),
            None => Err(Error::Unavailable(
                "the consumer is cancelled, or its connection is lost".to_owned(),
            )),
        }
    }

    async fn ack(&mut self) -> Result<bool, Error> {
        let Some(acker) = self.held.take() else {
            return Ok(false);
        };
        settled(acker.ack(BasicAckOptions::default())).await
    }
}

impl Drop for DeadMessages {
    fn drop(&mut self) {
        let (subscription, channel) = (self.subscription.clone(), self.channel.clone());
        // As with jobs, the subscription ends before the channel does.
        in_background(async move {
            let ended = channel.basic_cancel(subscription.tag(), BasicCancelOptions::default());
            drop(with_timeout(BROKER_TIMEOUT, "ending the subscription", ended).await);
            drop((subscription, channel));
        });
    }
}
