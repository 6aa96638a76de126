//! The store as a worker's jobs see it: a call is repeated until the store answers, so that a
//! worker keeps its delivery and waits while the store is away.

mod ports;

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use tars_shared::store::{Error, Store};
use tokio_util::sync::CancellationToken;

const BACKOFF: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(50))
    .with_max_delay(Duration::from_millis(300))
    .without_max_times();

/// A call that has no answer by then is repeated: a network that was cut does not say so. What it
/// wrote is either guarded by an epoch or can be written again.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// A port of the store whose calls are repeated while the store is unavailable, until `stop`. Each
/// call is made at least once.
#[derive(Debug)]
pub(crate) struct Retrying<S: ?Sized> {
    port: Arc<S>,
    stop: CancellationToken,
}

/// The store with every port that jobs need behind [`Retrying`]. The others are as they were.
pub(crate) fn retrying(store: &Store, stop: &CancellationToken) -> Store {
    Store {
        jobs: Arc::new(Retrying::new(&store.jobs, stop)),
        leases: Arc::new(Retrying::new(&store.leases, stop)),
        baselines: Arc::new(Retrying::new(&store.baselines, stop)),
        pauses: Arc::new(Retrying::new(&store.pauses, stop)),
        artifacts: Arc::new(Retrying::new(&store.artifacts, stop)),
        dead_messages: Arc::new(Retrying::new(&store.dead_messages, stop)),
        ..store.clone()
    }
}

impl<S: ?Sized> Retrying<S> {
    fn new(port: &Arc<S>, stop: &CancellationToken) -> Self {
        Self {
            port: port.clone(),
            stop: stop.clone(),
        }
    }

    /// Calls until the store answers. Unavailable: the worker stops.
    async fn retry<T, F>(&self, mut call: impl FnMut() -> F + Send) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send,
    {
        let stop = self.stop.clone();
        let sleep = move |delay| {
            let stop = stop.clone();
            async move {
                tokio::select! {
                    () = tokio::time::sleep(delay) => {}
                    () = stop.cancelled() => {}
                }
            }
        };
        let mut away = false;
        let answer = (|| within(CALL_TIMEOUT, call()))
            .retry(BACKOFF)
            .sleep(sleep)
            .when(|error| matches!(error, Error::Unavailable(_)) && !self.stop.is_cancelled())
            .notify(|error, _| {
                // Once per outage: the store itself says when it comes and goes.
                if !std::mem::replace(&mut away, true) {
                    tracing::warn!(%error, "waiting until the store answers");
                }
            })
            .await;
        if away && answer.is_ok() {
            tracing::info!("the store answers again");
        }
        answer
    }
}

/// Waits for an answer of the store, but not for ever.
pub(crate) async fn answer<T>(call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    within(CALL_TIMEOUT, call).await
}

/// The same with another timeout.
pub(crate) async fn within<T>(
    timeout: Duration,
    call: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let late = |_| Err(Error::Unavailable(format!("no answer within {timeout:?}")));
    tokio::time::timeout(timeout, call)
        .await
        .unwrap_or_else(late)
}
