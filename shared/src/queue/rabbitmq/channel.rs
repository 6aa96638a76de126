//! A channel that is closed with the last one who needs it, and what is settled on it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicNackOptions};

use super::link::Session;
use crate::queue::{Acker, Error};

/// How long the broker may take to answer. Longer than for a publication: no client waits for this.
pub(super) const BROKER_TIMEOUT: Duration = Duration::from_secs(5);

/// A channel. The broker gives what is not settled on it to another consumer when it is closed.
#[derive(Debug)]
pub(super) struct OpenChannel(Channel);

impl OpenChannel {
    /// Opens it.
    pub(super) async fn open(session: &Session) -> Result<Arc<Self>, Error> {
        Ok(Arc::new(Self(session.channel(BROKER_TIMEOUT).await?)))
    }
}

impl std::ops::Deref for OpenChannel {
    type Target = Channel;

    fn deref(&self) -> &Channel {
        &self.0
    }
}

impl Drop for OpenChannel {
    fn drop(&mut self) {
        let channel = self.0.clone();
        in_background(async move {
            drop(tokio::time::timeout(BROKER_TIMEOUT, channel.close(200, "done".into())).await);
        });
    }
}

/// Does what is left to be done when something is dropped.
pub(super) fn in_background(work: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(work);
    }
}

/// Settles one delivery.
#[derive(Debug)]
pub(super) struct MessageAcker {
    acker: Option<lapin::Acker>,
    channel: Arc<OpenChannel>,
}

impl MessageAcker {
    pub(super) fn new(acker: lapin::Acker, channel: &Arc<OpenChannel>) -> Self {
        Self {
            acker: Some(acker),
            channel: channel.clone(),
        }
    }
}

#[async_trait]
impl Acker for MessageAcker {
    async fn ack(mut self: Box<Self>) -> Result<bool, Error> {
        match self.acker.take() {
            Some(acker) => settled(acker.ack(BasicAckOptions::default())).await,
            None => Ok(false),
        }
    }

    async fn requeue(mut self: Box<Self>) -> Result<bool, Error> {
        match self.acker.take() {
            Some(acker) => settled(acker.nack(back())).await,
            None => Ok(false),
        }
    }
}

impl Drop for MessageAcker {
    fn drop(&mut self) {
        if let Some(acker) = self.acker.take() {
            let channel = self.channel.clone();
            in_background(async move {
                drop(settled(acker.nack(back())).await);
                drop(channel);
            });
        }
    }
}

/// To another consumer.
pub(super) fn back() -> BasicNackOptions {
    BasicNackOptions {
        requeue: true,
        ..BasicNackOptions::default()
    }
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
