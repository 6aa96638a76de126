//! How long an answer may wait for a part of the service.

use std::time::Duration;

use crate::problem::Problem;

/// A store that has not answered by then counts as away. No request hangs for more than five seconds, and most need two
/// calls.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs a call to its end, whatever becomes of the request: a write that is cut off half-way would leave the connection
/// in doubt. The answer comes in time or is a 503.
pub(crate) async fn within<T, E>(call: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, Problem>
where
    T: Send + 'static,
    E: Send + 'static,
    Problem: From<E>,
{
    match tokio::time::timeout(PATIENCE, tokio::spawn(call)).await {
        Ok(Ok(answer)) => Ok(answer?),
        Ok(Err(panic)) => {
            tracing::error!(%panic, "a call panicked");
            Err(Problem::internal())
        }
        Err(_) => {
            tracing::error!(patience = ?PATIENCE, "a call took too long");
            Err(Problem::unavailable())
        }
    }
}
