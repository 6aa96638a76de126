//! Keeps a connection: makes it, sees it go, and makes it anew. Whoever wants to use it gets it at
//! once or is told at once that there is none; nobody waits for a reconnection.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use futures_util::StreamExt as _;
use lapin::{Channel, Connection};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::address::Address;
use super::dial::{ConnectError, dial};
use super::topology;
use crate::metrics::Metrics;
use crate::queue::Error;

/// The pauses between attempts to connect. They are jittered, so that many processes do not come
/// back in step.
const BACKOFF: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(50))
    .with_max_delay(LONGEST_PAUSE)
    .with_jitter()
    .without_max_times();
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The first declaration creates a dozen replicated queues, which takes a while.
const DECLARE_TIMEOUT: Duration = Duration::from_secs(15);
/// How often the connection is looked at. The driver reports most losses by an event; this is for
/// those that it does not.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

const LOST: &str = "the connection is lost";

/// A connection that is made again whenever it is lost. The task that does so ends with the last
/// clone.
#[derive(Debug, Clone)]
pub(super) struct Link(watch::Receiver<State>);

#[derive(Debug, Clone)]
enum State {
    /// No attempt has ended yet, or the latest one failed.
    Down(ConnectError),
    Up(Arc<Session>),
}

/// One connection, from its making to its loss.
#[derive(Debug)]
pub(super) struct Session {
    connection: Connection,
    /// Closed when the connection is lost.
    alive: watch::Receiver<()>,
}

impl Session {
    /// Opens a channel within `timeout`.
    pub(super) async fn channel(&self, timeout: Duration) -> Result<Channel, Error> {
        with_timeout(
            timeout,
            "opening a channel",
            self.connection.create_channel(),
        )
        .await
    }

    /// Whether the broker has told us that it takes no messages for lack of memory or disk.
    pub(super) fn blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// Whether the driver takes it for alive.
    fn is_connected(&self) -> bool {
        self.connection.status().connected()
    }

    /// Returns when the connection is lost.
    pub(super) async fn lost(&self) {
        let mut alive = self.alive.clone();
        while alive.changed().await.is_ok() {}
    }
}

impl Link {
    /// Starts to connect, and returns at once.
    pub(super) fn open(address: Address, name: &'static str, metrics: Arc<Metrics>) -> Self {
        let (state, link) = watch::channel(State::Down(ConnectError::Unreachable(
            "not connected yet".to_owned(),
        )));
        tokio::spawn(keep(address, name, metrics, state));
        Self(link)
    }

    /// The connection, if there is one right now.
    pub(super) fn session(&self) -> Result<Arc<Session>, Error> {
        match &*self.0.borrow() {
            State::Up(session) if session.is_connected() => Ok(session.clone()),
            State::Up(_) => Err(Error::Unavailable(LOST.to_owned())),
            State::Down(fault) => Err(Error::Unavailable(fault.reason().to_owned())),
        }
    }

    /// Waits for a connection, or for a fault that waiting does not mend.
    pub(super) async fn ready(&self, timeout: Duration) -> Result<(), ConnectError> {
        let mut state = self.0.clone();
        // A connection may be lost for a moment before it is seen to be: it is not waited with.
        let settled = |state: &State| match state {
            State::Up(session) => session.is_connected(),
            State::Down(fault) => matches!(fault, ConnectError::Refused(_)),
        };
        drop(tokio::time::timeout(timeout, state.wait_for(settled)).await);
        match &*state.borrow() {
            State::Up(session) if session.is_connected() => Ok(()),
            State::Up(_) => Err(ConnectError::Unreachable(LOST.to_owned())),
            State::Down(fault) => Err(fault.clone()),
        }
    }
}

async fn keep(
    address: Address,
    name: &'static str,
    metrics: Arc<Metrics>,
    state: watch::Sender<State>,
) {
    let mut pauses = BACKOFF.build();
    let mut connected_before = false;
    loop {
        let attempt = tokio::select! {
            attempt = connect(&address, name) => attempt,
            () = state.closed() => return,
        };
        match attempt {
            Ok((session, death)) => {
                let since = Instant::now();
                tracing::info!(broker = %address, connection = name, "connected to the queue");
                if connected_before {
                    metrics.reconnects.with_label_values(&["queue"]).inc();
                }
                connected_before = true;
                let session = Arc::new(session);
                state.send_replace(State::Up(session.clone()));
                tokio::select! {
                    () = until_lost(&session.connection) => {}
                    () = state.closed() => return,
                }
                state.send_replace(State::Down(ConnectError::Unreachable(LOST.to_owned())));
                drop(death);
                tracing::warn!(broker = %address, connection = name, "lost the connection to the queue");
                // A broker that takes connections and drops them at once is not to be hammered.
                if since.elapsed() > LONGEST_PAUSE {
                    pauses = BACKOFF.build();
                }
            }
            Err(fault) => {
                tracing::debug!(broker = %address, connection = name, error = fault.reason(), "no connection");
                state.send_replace(State::Down(fault));
            }
        }
        tokio::select! {
            () = tokio::time::sleep(pauses.next().unwrap_or(LONGEST_PAUSE)) => {}
            () = state.closed() => return,
        }
    }
}

/// Connects and declares the topology. The sender is to be dropped when the connection is lost.
async fn connect(
    address: &Address,
    name: &'static str,
) -> Result<(Session, watch::Sender<()>), ConnectError> {
    let connection = dial(address, name)
        .await
        .map_err(|fault| fault.at(address))?;
    let declared = async {
        let channel = connection.create_channel().await?;
        topology::declare(&channel).await?;
        channel.close(200, "declared".into()).await
    };
    match timeout(DECLARE_TIMEOUT, declared).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(ConnectError::of(&error).at(address)),
        Err(_) => {
            return Err(ConnectError::Unreachable(format!(
                "no queue declared within {DECLARE_TIMEOUT:?}"
            ))
            .at(address));
        }
    }
    let (death, alive) = watch::channel(());
    Ok((Session { connection, alive }, death))
}

async fn until_lost(connection: &Connection) {
    let mut events = Box::pin(connection.events_listener());
    let mut polls = interval(POLL_INTERVAL);
    polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while connection.status().connected() {
        // Errors of single channels are among the events: an event alone proves nothing.
        tokio::select! {
            Some(_) = events.next() => {}
            _ = polls.tick() => {}
        }
    }
}

/// What the broker answers, or that it did not in time.
pub(super) async fn with_timeout<T>(
    timeout: Duration,
    what: &str,
    asked: impl Future<Output = lapin::Result<T>>,
) -> Result<T, Error> {
    match tokio::time::timeout(timeout, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Error::Unavailable(format!("{what} failed: {error}"))),
        Err(_) => Err(Error::Unavailable(format!(
            "{what} got no answer within {timeout:?}"
        ))),
    }
}
