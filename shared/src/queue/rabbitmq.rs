//! RabbitMQ: durable, replicated where there are several brokers.
//!
//! There are two connections, because the broker stops reading from a connection that publishes
//! while it is short of memory or disk. On a connection of their own, acknowledgements go through
//! meanwhile, and the queues drain.

mod address;
mod channel;
mod consumer;
mod dead;
mod depths;
mod dial;
mod link;
mod message;
mod publisher;
mod subscriptions;
mod survey;
mod topology;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use self::address::Address;
pub use self::address::OpenError;
use self::consumer::JobConsumer;
use self::dead::DeadMessages;
use self::depths::Depths;
use self::dial::ConnectError;
use self::link::Link;
use self::publisher::Publisher;
use super::{Consumer, DeadConsumer, Error, Queue, RetryTier};
use crate::clock::{Clock as _, System};
use crate::line::Line;
use crate::metrics::Metrics;
use crate::submission::Submission;

/// Why the queue cannot be used yet.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotReady {
    /// Nobody answers. It may come; the connection goes on being tried.
    #[error("the queue cannot be reached at {0}")]
    Unreachable(String),
    /// The broker answers and refuses: wrong credentials, no such virtual host, or queues of
    /// another shape. Waiting does not help.
    #[error("the queue refuses us at {0}")]
    Refused(String),
}

/// A queue on a RabbitMQ broker. While there is no connection every call fails at once, and
/// connecting goes on in the background until the last clone is dropped.
#[derive(Debug, Clone)]
pub struct RabbitMq(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    publishing: Link,
    consuming: Link,
    publisher: Publisher,
    depths: Depths,
}

impl RabbitMq {
    /// Starts to connect to `amqp://user:password@host:port/vhost`, and returns at once.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn open(url: &str, metrics: Arc<Metrics>) -> Result<Self, OpenError> {
        let address = Address::parse(url)?;
        let publishing = Link::open(address.clone(), "tars publishing", metrics.clone());
        let consuming = Link::open(address, "tars consuming", metrics);
        let publisher = Publisher::new(publishing.clone());
        let depths = Depths::new(consuming.clone());
        Ok(Self(Arc::new(Parts {
            publishing,
            consuming,
            publisher,
            depths,
        })))
    }

    /// Waits until the queue can be used, or until waiting is of no use, but not longer than
    /// `timeout`.
    pub async fn ready(&self, timeout: Duration) -> Result<(), NotReady> {
        let ready = tokio::try_join!(
            self.0.publishing.ready(timeout),
            self.0.consuming.ready(timeout)
        );
        ready.map(drop).map_err(|fault| match fault {
            ConnectError::Unreachable(reason) => NotReady::Unreachable(reason),
            ConnectError::Refused(reason) => NotReady::Refused(reason),
        })
    }

    async fn send(&self, exchange: &'static str, submission: &Submission) -> Result<(), Error> {
        let body = serde_json::to_vec(submission)
            .map_err(|error| Error::Unavailable(error.to_string()))?;
        let key = topology::jobs_key(submission.line());
        self.0
            .publisher
            .publish(exchange, key, System.new_id(), body)
            .await
    }
}

#[async_trait]
impl Queue for RabbitMq {
    async fn publish(&self, submission: &Submission) -> Result<(), Error> {
        self.send(topology::JOBS, submission).await
    }

    async fn publish_later(&self, submission: &Submission, tier: RetryTier) -> Result<(), Error> {
        self.send(topology::retry(tier), submission).await
    }

    async fn consume(&self) -> Result<Box<dyn Consumer>, Error> {
        Ok(Box::new(
            JobConsumer::open(self.0.consuming.session()?).await?,
        ))
    }

    async fn consume_dead(&self) -> Result<Option<Box<dyn DeadConsumer>>, Error> {
        Ok(Some(Box::new(
            DeadMessages::open(self.0.consuming.session()?).await?,
        )))
    }

    async fn depths(&self) -> Result<Vec<(Line, u64)>, Error> {
        self.0.depths.count().await
    }

    fn is_durable(&self) -> bool {
        true
    }
}
