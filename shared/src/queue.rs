//! The port for messages that wait for a worker. Delivery is at least once: the store decides who
//! may work.

pub mod memory;
pub mod rabbitmq;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use uuid::Uuid;

use crate::line::Line;
use crate::submission::Submission;

/// Why the queue gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// It cannot be reached or did not confirm in time; the message may or may not be there.
    #[error("the queue is unavailable: {0}")]
    Unavailable(String),
}

/// Messages that wait for a worker.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Puts a message behind those of its line. Returns once the queue is responsible for it.
    async fn publish(&self, submission: &Submission) -> Result<(), Error>;

    /// Like [`publish`](Self::publish), but it is delivered only after the tier's delay.
    async fn publish_later(&self, submission: &Submission, tier: RetryTier) -> Result<(), Error>;

    /// A consumer that takes each delivery when it is asked for it.
    async fn consume(&self) -> Result<Box<dyn Consumer>, Error>;

    /// A consumer of the messages that the queue itself gave up on. `None` where it never gives up.
    async fn consume_dead(&self) -> Result<Option<Box<dyn DeadConsumer>>, Error>;

    /// How many messages wait in each line, delayed and delivered ones not counted.
    async fn depths(&self) -> Result<Vec<(Line, u64)>, Error>;

    /// Whether messages survive the end of this process. Where they do not, the store is asked for
    /// them at start.
    fn is_durable(&self) -> bool;
}

/// Takes deliveries. Those that it has given out live for themselves; what it has taken in advance
/// goes to another consumer when it is dropped.
#[async_trait]
pub trait Consumer: Send {
    /// The next delivery. Of sixteen, while all priorities wait, twelve are of high priority, three
    /// of normal and one of low; within a priority one lane follows the other, and the oldest comes
    /// first within a lane.
    async fn next(&mut self) -> Result<Delivery, Error>;

    /// From now on takes deliveries in advance, so that none has to be waited for: of each line
    /// so many, those that were given out and are not settled among them. [`next`](Self::next) then
    /// takes turns among those that are here. 0: none in advance; what is here goes back.
    async fn prefetch(&mut self, count: u16) -> Result<(), Error>;
}

/// A message in a consumer's hand. When it is dropped without having been settled, it goes to
/// another consumer.
#[derive(Debug)]
pub struct Delivery {
    /// What it says.
    pub submission: Arc<Submission>,
    /// Which message it is. Several messages may stand for one job; each keeps its id through all
    /// its deliveries.
    pub message_id: Uuid,
    /// How it is settled.
    acker: Box<dyn Acker>,
}

impl Delivery {
    /// The delivery is done with. False: it was another consumer's already.
    pub async fn ack(self) -> Result<bool, Error> {
        self.acker.ack().await
    }

    /// Puts the delivery back for another consumer. False: it was another consumer's already.
    pub async fn requeue(self) -> Result<bool, Error> {
        self.acker.requeue().await
    }
}

/// Settles one delivery. Dropped, it puts the delivery back.
#[async_trait]
trait Acker: std::fmt::Debug + Send + Sync {
    async fn ack(self: Box<Self>) -> Result<bool, Error>;

    async fn requeue(self: Box<Self>) -> Result<bool, Error>;
}

/// Takes one dead message at a time. When it is dropped, the message that it holds goes to another
/// consumer.
#[async_trait]
pub trait DeadConsumer: Send {
    /// The next dead message, the oldest first.
    async fn next(&mut self) -> Result<DeadMessage, Error>;

    /// The message is recorded elsewhere. False: it was another consumer's already.
    async fn ack(&mut self) -> Result<bool, Error>;
}

/// A message that the queue gave up on.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadMessage {
    /// Its id, or a new one where it carried none.
    pub message_id: Uuid,
    /// The bytes as they came.
    pub body: Bytes,
    /// What they say, or why they cannot be read.
    pub submission: Result<Submission, String>,
    /// Why the queue gave up, in the queue's own word, such as `delivery_limit` or `rejected`.
    pub reason: String,
}

/// How long a retry waits. Each tier is a queue of its own, because different delays in one queue
/// block each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetryTier {
    /// One second.
    Second,
    /// Five seconds.
    FiveSeconds,
    /// Thirty seconds.
    HalfMinute,
    /// Two minutes.
    TwoMinutes,
    /// Ten minutes.
    TenMinutes,
}

impl RetryTier {
    /// The tier after the failure of this attempt, counted from 1.
    pub fn after_attempt(attempt: u32) -> Self {
        match attempt {
            0 | 1 => Self::Second,
            2 => Self::FiveSeconds,
            3 => Self::HalfMinute,
            4 => Self::TwoMinutes,
            _ => Self::TenMinutes,
        }
    }

    /// The delay.
    pub fn delay(self) -> Duration {
        Duration::from_secs(match self {
            Self::Second => 1,
            Self::FiveSeconds => 5,
            Self::HalfMinute => 30,
            Self::TwoMinutes => 120,
            Self::TenMinutes => 600,
        })
    }
}
