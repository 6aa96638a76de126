//! What the broker pushes: one subscription per line.

use std::time::Duration;

use futures_util::future::{select_all, try_join_all};
use futures_util::{FutureExt as _, StreamExt as _};
use lapin::Channel;
use lapin::message::Delivery as Message;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;

use super::channel::BROKER_TIMEOUT;
use super::link::{Session, with_timeout};
use super::topology;
use crate::line::Line;
use crate::queue::Error;

/// How often a waiting consumer looks at its channel, which can die without a word.
pub(super) const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A message with the place of its line.
pub(super) type Placed = (usize, Message);

/// One subscription per line, in the order of [`Line::all`].
#[derive(Debug)]
pub(super) struct Subscriptions(Vec<lapin::Consumer>);

impl Subscriptions {
    /// Subscribes to every line. The broker pushes up to `prefetch` messages of each that are not
    /// settled yet.
    pub(super) async fn open(channel: &Channel, prefetch: u16) -> Result<Self, Error> {
        limit(channel, prefetch).await?;
        let subscribed = try_join_all(Line::all().map(|line| {
            let (queue, options) = (
                topology::jobs_queue(line).into(),
                BasicConsumeOptions::default(),
            );
            channel.basic_consume(queue, "".into(), options, FieldTable::default())
        }));
        let subscriptions = with_timeout(BROKER_TIMEOUT, "subscribing", subscribed).await?;
        // A channel answers in order: behind this, what waited in the queues has been pushed, and
        // whose turn it is can be told.
        limit(channel, prefetch).await?;
        Ok(Self(subscriptions))
    }

    /// The first message that any subscription gives.
    pub(super) async fn next(
        &mut self,
        session: &Session,
        channel: &Channel,
    ) -> Result<Placed, Error> {
        loop {
            let next = select_all(self.0.iter_mut().map(futures_util::StreamExt::next));
            tokio::select! {
                (message, place, _) = next => return match message {
                    Some(Ok(message)) => Ok((place, message)),
                    // The stream hangs after an error, so the consumer is of no use any more.
                    Some(Err(error)) => Err(broken(&error)),
                    None => Err(Error::Unavailable("the broker cancelled the consumer".to_owned())),
                },
                () = session.lost() => return Err(Error::Unavailable("the connection is lost".to_owned())),
                () = tokio::time::sleep(POLL_INTERVAL) => if !channel.status().connected() {
                    return Err(Error::Unavailable("the channel is closed".to_owned()));
                },
            }
        }
    }

    /// What has been pushed already.
    pub(super) fn ready(&mut self) -> Result<Vec<Placed>, Error> {
        let mut all = Vec::new();
        for (place, subscription) in self.0.iter_mut().enumerate() {
            while let Some(Some(message)) = subscription.next().now_or_never() {
                all.push((place, message.map_err(|error| broken(&error))?));
            }
        }
        Ok(all)
    }

    /// Ends the subscriptions; what was pushed before.
    pub(super) async fn end(self, channel: &Channel) -> Result<Vec<Placed>, Error> {
        let ended = self
            .0
            .iter()
            .map(|one| channel.basic_cancel(one.tag(), BasicCancelOptions::default()));
        with_timeout(
            BROKER_TIMEOUT,
            "ending the subscriptions",
            try_join_all(ended),
        )
        .await?;
        let mut all = Vec::new();
        for (place, mut subscription) in self.0.into_iter().enumerate() {
            // The end of a subscription ends its stream, behind whatever was pushed before.
            while let Some(message) = subscription.next().await {
                all.push((place, message.map_err(|error| broken(&error))?));
            }
        }
        Ok(all)
    }
}

async fn limit(channel: &Channel, prefetch: u16) -> Result<(), Error> {
    let limited = channel.basic_qos(prefetch, BasicQosOptions::default());
    with_timeout(BROKER_TIMEOUT, "limiting the prefetch", limited).await
}

fn broken(error: &lapin::Error) -> Error {
    Error::Unavailable(format!("the consumer broke: {error}"))
}
