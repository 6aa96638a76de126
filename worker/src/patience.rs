//! Holding on while the store is away: a worker keeps its delivery and waits, it neither spins nor
//! gives up.

use std::time::Duration;

use tars_shared::store::Error;
use tokio_util::sync::CancellationToken;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(300);

/// A call that has no answer by then is given up: a network that was cut does not say so. What it
/// wrote is either guarded by an epoch or can be written again.
const ANSWER: Duration = Duration::from_secs(5);

/// Waits for an answer of the store, but not for ever.
pub(crate) async fn answer<T>(call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    answer_within(ANSWER, call).await
}

/// The same with another patience.
pub(crate) async fn answer_within<T>(
    patience: Duration,
    call: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let late = |_| Err(Error::Unavailable(format!("no answer within {patience:?}")));
    tokio::time::timeout(patience, call)
        .await
        .unwrap_or_else(late)
}

/// Why a call to the store has no answer.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// The worker is being stopped while the store is away.
    Shutdown,
    /// The store holds something that cannot be understood.
    Corrupt(Error),
}

/// Asks until the store answers.
pub(crate) async fn until_answered<T, F>(
    shutdown: &CancellationToken,
    mut call: impl FnMut() -> F,
) -> Result<T, Unanswered>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut pause = FIRST_PAUSE;
    let mut away = false;
    loop {
        match answer(call()).await {
            Ok(answer) => {
                if away {
                    tracing::info!("the store answers again");
                }
                return Ok(answer);
            }
            Err(error @ Error::Corrupt(_)) => return Err(Unanswered::Corrupt(error)),
            // Once per outage: the store itself says when it comes and goes.
            Err(error @ Error::Unavailable(_)) if !away => {
                tracing::warn!(%error, "holding a delivery until the store answers");
            }
            Err(Error::Unavailable(_)) => {}
        }
        away = true;
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            () = shutdown.cancelled() => return Err(Unanswered::Shutdown),
        }
    }
}
