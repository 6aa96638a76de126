//! Takes jobs: priorities by their weights, the lanes of each one after the other.
//!
//! Without a prefetch, messages are fetched one by one while there is a backlog, from the line whose
//! turn it is among those in which something waits. Only when all queues are empty does the consumer
//! let itself be woken by a push from any of them, takes one of what comes, ends its subscriptions
//! and gives the rest back. So it holds nothing that it was not asked for, which is what long jobs
//! need: a message beside them would wait for their end. A fetch costs a round trip and a write to
//! the queue's log, which is more than a short job does. With a prefetch, standing subscriptions
//! bring messages before they are asked for. (Quorum queues refuse `x-max-priority`, and a prefetch
//! that all subscriptions share.)

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use lapin::message::Delivery as Message;
use lapin::options::{BasicGetOptions, BasicRejectOptions};
use tokio::task::JoinHandle;

use super::channel::{BROKER_TIMEOUT, MessageAcker, OpenChannel, back, in_background, settled};
use super::link::{Session, with_timeout};
use super::subscriptions::{Placed, Subscriptions};
use super::survey::Survey;
use super::{message, topology};
use crate::line::Line;
use crate::queue::turns::Turns;
use crate::queue::{Consumer, Delivery, Error};

/// Takes jobs on a channel of its own.
#[derive(Debug)]
pub(super) struct JobConsumer {
    session: Arc<Session>,
    channel: Arc<OpenChannel>,
    prefetch: u16,
    /// Those that stand, with a prefetch, or that wait for the next message.
    subscriptions: Option<Subscriptions>,
    /// Subscriptions that are being ended.
    ending: Option<JoinHandle<Result<(), Error>>>,
    /// What was taken in advance, by line.
    taken: [VecDeque<Message>; Line::COUNT],
    turns: Turns,
    /// What waited a moment ago, without a prefetch.
    survey: Option<Survey>,
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
            ending: None,
            taken: Default::default(),
            turns: Turns::default(),
            survey: None,
            in_doubt: false,
        })
    }

    /// The next message, as soon as there is one.
    async fn message(&mut self) -> Result<Message, Error> {
        if self.prefetch > 0 {
            return self.pushed().await;
        }
        match self.fetch().await? {
            Some(message) => Ok(message),
            None => self.awaited().await,
        }
    }

    /// The next of what waits already.
    async fn fetch(&mut self) -> Result<Option<Message>, Error> {
        loop {
            let believed = self.survey.take().filter(Survey::is_fresh);
            let is_new = believed.is_none();
            let mut survey = match believed {
                Some(survey) => survey,
                None => Survey::make(&self.channel).await?,
            };
            while let Some(turn) = self.turns.next(|line| survey.has(line)) {
                let queue = topology::jobs_queue(turn.line).into();
                let asked = self.channel.basic_get(queue, BasicGetOptions::default());
                match with_timeout(BROKER_TIMEOUT, "fetching a message", asked).await? {
                    Some(message) => {
                        survey.note(turn.line, message.message_count);
                        self.turns.take(turn);
                        self.survey = Some(survey);
                        return Ok(Some(message.delivery));
                    }
                    // Another consumer was faster.
                    None => survey.note(turn.line, 0),
                }
            }
            if is_new {
                return Ok(None);
            }
        }
    }

    /// Waits for what comes next, and holds nothing else for longer than it takes to give it back.
    async fn awaited(&mut self) -> Result<Message, Error> {
        self.ended().await?;
        self.subscriptions = Some(Subscriptions::open(&self.channel, 1).await?);
        self.wait().await?;
        self.keep_ready()?;
        let next = self.take();
        // The delivery does not wait until the broker has ended all subscriptions.
        if let Some(standing) = self.subscriptions.take() {
            let (channel, surplus) = (self.channel.clone(), std::mem::take(&mut self.taken));
            self.ending = Some(tokio::spawn(async move {
                let (brought, ended) = match standing.end(&channel).await {
                    Ok(brought) => (brought, Ok(())),
                    Err(error) => (Vec::new(), Err(error)),
                };
                let brought = brought.into_iter().map(|(_, message)| message);
                let all = surplus.into_iter().flatten().chain(brought);
                give_back(all).await.and(ended)
            }));
        }
        next.ok_or_else(|| Error::Unavailable("the broker pushed nothing".to_owned()))
    }

    /// Waits until former subscriptions have ended.
    async fn ended(&mut self) -> Result<(), Error> {
        match self.ending.take() {
            Some(ending) => ending
                .await
                .map_err(|error| Error::Unavailable(error.to_string()))?,
            None => Ok(()),
        }
    }

    /// The next of what the standing subscriptions have brought.
    async fn pushed(&mut self) -> Result<Message, Error> {
        if self.subscriptions.is_none() {
            self.ended().await?;
            self.subscriptions = Some(Subscriptions::open(&self.channel, self.prefetch).await?);
        }
        loop {
            self.keep_ready()?;
            if let Some(next) = self.take() {
                return Ok(next);
            }
            self.wait().await?;
        }
    }

    /// Keeps what the subscriptions have brought.
    fn keep_ready(&mut self) -> Result<(), Error> {
        if let Some(standing) = &mut self.subscriptions {
            let ready = standing.ready()?;
            self.keep(ready);
        }
        Ok(())
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

    fn keep(&mut self, messages: impl IntoIterator<Item = Placed>) {
        for (place, message) in messages {
            self.taken[place].push_back(message);
        }
    }

    fn take(&mut self) -> Option<Message> {
        let taken = &mut self.taken;
        let turn = self.turns.next(|line| !taken[line.index()].is_empty())?;
        self.turns.take(turn);
        taken[turn.line.index()].pop_front()
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

async fn give_back(messages: impl Iterator<Item = Message>) -> Result<(), Error> {
    for message in messages {
        let given_back = message.acker.nack(back());
        with_timeout(BROKER_TIMEOUT, "giving back a message", given_back).await?;
    }
    Ok(())
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
            let taken = std::mem::take(&mut self.taken);
            give_back(taken.into_iter().flatten()).await?;
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
                for (place, message) in brought {
                    taken[place].push_back(message);
                }
            }
            for message in taken.into_iter().flatten() {
                drop(settled(message.acker.nack(back())).await);
            }
            drop(channel);
        });
    }
}
