//! Publishes with confirms. Many publications are under way at once on one channel.
//!
//! One task owns the channel, for two reasons. The driver numbers a publication and queues its
//! frames in two steps, so two threads on one channel could swap their confirms. And it hands a
//! returned message to whichever confirm comes next, which may be another's: all confirms have to
//! be looked at in one place to know whose message came back.

mod confirms;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use lapin::Channel;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use uuid::Uuid;

use self::confirms::{Confirms, Decided};
use super::link::{Link, Session, with_timeout};
use super::message;
use crate::queue::Error;

/// How long a publication may take, all in all. The API promises an answer within a second.
const CONFIRM_TIMEOUT: Duration = Duration::from_millis(400);

/// Publications under way at once. It bounds the memory that a broker that went silent can cost
/// until it is given up.
const MOST_UNCONFIRMED: usize = 256;

/// Publishes over a link.
#[derive(Debug)]
pub(super) struct Publisher {
    link: Link,
    outbox: Mutex<Option<Outbox>>,
    unconfirmed: Arc<Semaphore>,
}

/// The way to the task that owns the channel. It is closed when the channel is gone.
#[derive(Debug)]
struct Outbox {
    session: Arc<Session>,
    sender: mpsc::UnboundedSender<Outgoing>,
}

#[derive(Debug)]
struct Outgoing {
    exchange: &'static str,
    key: &'static str,
    id: Uuid,
    body: Vec<u8>,
    answer: oneshot::Sender<Result<(), Error>>,
    permit: OwnedSemaphorePermit,
}

impl Publisher {
    /// A publisher that connects when it is used.
    pub(super) fn new(link: Link) -> Self {
        Self {
            link,
            outbox: Mutex::new(None),
            unconfirmed: Arc::new(Semaphore::new(MOST_UNCONFIRMED)),
        }
    }

    /// Returns once the broker has the message on disk. An error leaves open whether it has.
    pub(super) async fn publish(
        &self,
        exchange: &'static str,
        key: &'static str,
        id: Uuid,
        body: Vec<u8>,
    ) -> Result<(), Error> {
        let published = async {
            let sender = self.sender()?;
            let permit = self
                .unconfirmed
                .clone()
                .acquire_owned()
                .await
                .map_err(|_| lost())?;
            let (answer, answered) = oneshot::channel();
            sender
                .send(Outgoing {
                    exchange,
                    key,
                    id,
                    body,
                    answer,
                    permit,
                })
                .map_err(|_| lost())?;
            answered.await.map_err(|_| lost())?
        };
        let late = || {
            Err(Error::Unavailable(format!(
                "the broker did not confirm within {CONFIRM_TIMEOUT:?}"
            )))
        };
        tokio::time::timeout(CONFIRM_TIMEOUT, published)
            .await
            .unwrap_or_else(|_| late())
    }

    /// The way to a living channel; a dead one is replaced.
    fn sender(&self) -> Result<mpsc::UnboundedSender<Outgoing>, Error> {
        let session = self.link.session()?;
        if session.blocked() {
            return Err(Error::Unavailable(
                "the broker is short of memory or disk, and takes no messages".to_owned(),
            ));
        }
        let mut outbox = self.outbox.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outbox) = &*outbox
            && Arc::ptr_eq(&outbox.session, &session)
            && !outbox.sender.is_closed()
        {
            return Ok(outbox.sender.clone());
        }
        let (sender, inbox) = mpsc::unbounded_channel();
        tokio::spawn(own_channel(session.clone(), inbox));
        *outbox = Some(Outbox {
            session,
            sender: sender.clone(),
        });
        Ok(sender)
    }
}

fn lost() -> Error {
    Error::Unavailable("the channel was lost before the broker confirmed".to_owned())
}

/// Publishes what comes until the channel is lost. Whoever waits then finds the way closed.
async fn own_channel(session: Arc<Session>, mut inbox: mpsc::UnboundedReceiver<Outgoing>) {
    let channel = match open(&session).await {
        Ok(channel) => channel,
        Err(error) => {
            inbox.close();
            while let Ok(outgoing) = inbox.try_recv() {
                drop(outgoing.answer.send(Err(error.clone())));
            }
            return;
        }
    };
    let mut unconfirmed = FuturesUnordered::new();
    let mut confirms = Confirms::default();
    let mut lost = std::pin::pin!(session.lost());
    while channel.status().connected() {
        let decided = tokio::select! {
            outgoing = inbox.recv() => match outgoing {
                Some(outgoing) => {
                    unconfirmed.push(send(&channel, outgoing));
                    continue;
                }
                None => break,
            },
            Some(decided) = unconfirmed.next() => decided,
            () = &mut lost => break,
        };
        // A return reaches us with a confirm that comes before its own: whatever is decided is seen
        // before any is answered.
        let mut all = vec![decided];
        while let Some(Some(decided)) = unconfirmed.next().now_or_never() {
            all.push(decided);
        }
        confirms.settle(all);
    }
}

async fn open(session: &Session) -> Result<Channel, Error> {
    let channel = session.channel(CONFIRM_TIMEOUT).await?;
    let confirms = channel.confirm_select(ConfirmSelectOptions::default());
    with_timeout(CONFIRM_TIMEOUT, "asking for confirms", confirms).await?;
    Ok(channel)
}

async fn send(channel: &Channel, outgoing: Outgoing) -> Decided {
    let Outgoing {
        exchange,
        key,
        id,
        body,
        answer,
        permit,
    } = outgoing;
    let confirmation = async {
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let sent = channel.basic_publish(
            exchange.into(),
            key.into(),
            options,
            &body,
            message::properties(id),
        );
        sent.await?.await
    };
    let confirmation = confirmation.await;
    drop(permit);
    Decided {
        id,
        answer,
        confirmation,
    }
}
