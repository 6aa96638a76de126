//! Takes jobs, the most urgent first.
//!
//! Without a prefetch, messages are fetched one by one while there is a backlog: high, then normal,
//! then low. Only when all three queues are empty does the consumer let itself be woken by a push
//! from any of them, takes the most urgent that comes, ends its subscriptions and gives the rest
//! back. So it holds nothing that it was not asked for, which is what long jobs need: a message
//! beside them would wait for their end. A fetch costs a round trip and a write to the queue's log,
//! which is more than a short job does. With a prefetch, standing subscriptions bring messages
//! before they are asked for. (Quorum queues refuse `x-max-priority`, and a prefetch that all
//! subscriptions share.)

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use lapin::message::Delivery as Message;
use lapin::options::{BasicGetOptions, BasicRejectOptions};

use super::channel::{BROKER_TIMEOUT, MessageAcker, OpenChannel, back, in_background, settled};
use super::link::{Session, with_timeout};
use super::subscriptions::{Ranked, Subscriptions};
use super::{message, topology};
use crate::queue::{Consumer, Delivery, Error};
use crate::request::Priority;

/// Takes jobs on a channel of its own.
#[derive(Debug)]
pub(super) struct JobConsumer {
    session: Arc<Session>,
    channel: Arc<OpenChannel>,
    prefetch: u16,
    /// Those that stand, with a prefetch, or that wait for the next message.
    subscriptions: Option<Subscriptions>,
    /// What was taken in advance, by priority.
    taken: [VecDeque<Message>; 3],
    /// Between the start and the end of a call that leaves open what the channel holds when it is
    /// broken off.
    in_doubt: bool,
}

impl JobConsumer {
    /// Opens a channel of its own.
    pub(super) async fn open(session: Arc<Session>) -> Result<Self, Error> {
        let channel = OpenChannel::open(&session).await?;
        Ok(Self {
            session,
            channel,
            prefetch: 0,
            subscriptions: None,
            taken: Default::default(),
            in_doubt: false,
        })
    }

    /// The most urgent message, as soon as there is one.
    async fn message(&mut self) -> Result<Message, Error> {
        if self.prefetch > 0 {
            return self.pushed().await;
        }
        match self.fetch().await? {
            Some(message) => Ok(message),
            None => self.awaited().await,
        }
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

    /// Waits for what comes next, and holds nothing else.
    async fn awaited(&mut self) -> Result<Message, Error> {
        self.subscriptions = Some(Subscriptions::open(&self.channel, 1).await?);
        self.wait().await?;
        self.unsubscribe().await?;
        let urgent = self.take();
        self.give_back().await?;
        urgent.ok_or_else(|| Error::Unavailable("the broker pushed nothing".to_owned()))
    }

    /// The most urgent of what the standing subscriptions have brought.
    async fn pushed(&mut self) -> Result<Message, Error> {
        if self.subscriptions.is_none() {
            self.subscriptions = Some(Subscriptions::open(&self.channel, self.prefetch).await?);
        }
        loop {
            let ready = match &mut self.subscriptions {
                Some(standing) => standing.ready()?,
                None => Vec::new(),
            };
            self.keep(ready);
            if let Some(urgent) = self.take() {
                return Ok(urgent);
            }
            self.wait().await?;
        }
    }

    /// Waits for a push.
    async fn wait(&mut self) -> Result<(), Error> {
        if let Some(subscriptions) = &mut self.subscriptions {
            let first = subscriptions.next(&self.session, &self.channel).await?;
            self.keep([first]);
        }
        Ok(())
    }

    /// Ends the subscriptions; what they have brought is kept.
    async fn unsubscribe(&mut self) -> Result<(), Error> {
        if let Some(standing) = self.subscriptions.take() {
            let brought = standing.end(&self.channel).await?;
            self.keep(brought);
        }
        Ok(())
    }

    fn keep(&mut self, messages: impl IntoIterator<Item = Ranked>) {
        for (rank, message) in messages {
            self.taken[rank].push_back(message);
        }
    }

    fn take(&mut self) -> Option<Message> {
        self.taken.iter_mut().find_map(VecDeque::pop_front)
    }

    async fn give_back(&mut self) -> Result<(), Error> {
        while let Some(surplus) = self.take() {
            with_timeout(
                BROKER_TIMEOUT,
                "giving back a message",
                surplus.acker.nack(back()),
            )
            .await?;
        }
        Ok(())
    }

    /// Makes sure that a call that was broken off before is not taken for one that ended.
    fn doubt(&mut self) -> Result<(), Error> {
        if std::mem::replace(&mut self.in_doubt, true) {
            return Err(Error::Unavailable(
                "an earlier wait was broken off".to_owned(),
            ));
        }
        Ok(())
    }
}

#[async_trait]
impl Consumer for JobConsumer {
    async fn next(&mut self) -> Result<Delivery, Error> {
        self.doubt()?;
        loop {
            let message = self.message().await?;
            let message_id = message::id(&message.properties, &message.data);
            match message::read(&message.data) {
                Ok(submission) => {
                    self.in_doubt = false;
                    return Ok(Delivery {
                        submission: Arc::new(submission),
                        message_id,
                        acker: Box::new(MessageAcker::new(message.acker, &self.channel)),
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

    async fn prefetch(&mut self, count: u16) -> Result<(), Error> {
        if count == self.prefetch {
            return Ok(());
        }
        self.doubt()?;
        self.unsubscribe().await?;
        self.prefetch = count;
        if count == 0 {
            self.give_back().await?;
        }
        self.in_doubt = false;
        Ok(())
    }
}

impl Drop for JobConsumer {
    fn drop(&mut self) {
        let (subscriptions, channel) = (self.subscriptions.take(), self.channel.clone());
        let mut taken = std::mem::take(&mut self.taken);
        // Deliveries that were given out may need the channel for long: what was not, goes back now.
        // The subscriptions end before the channel does: a subscription that is dropped while its
        // channel lives cancels itself, and when the two cross, the driver takes the channel's end
        // for a broken connection.
        in_background(async move {
            if let Some(standing) = subscriptions
                && let Ok(brought) = standing.end(&channel).await
            {
                for (rank, message) in brought {
                    taken[rank].push_back(message);
                }
            }
            for message in taken.into_iter().flatten() {
                drop(settled(message.acker.nack(back())).await);
            }
            drop(channel);
        });
    }
}
