//! How long an answer may wait for a part of the service.

use std::time::Duration;

use tars_shared::store::Error;

use crate::problem::Problem;

/// A store that has not answered by then counts as away. No request hangs for more than five
/// seconds, and most need two calls.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs a call to its end, whatever becomes of the request: a write that is cut off half-way would
/// leave the connection in doubt. The answer comes in time or is a 503.
pub(crate) async fn within<T>(
    call: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Problem>
where
    T: Send + 'static,
{
    Ok(in_time(CALL_TIMEOUT, call).await?)
}

/// What a request that makes several calls may take altogether.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(4500);

/// Ends a request in time whatever its calls take together; calls under way run to their ends.
pub(crate) async fn altogether<T>(
    request: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    tokio::time::timeout(REQUEST_TIMEOUT, request)
        .await
        .unwrap_or_else(|_| Err(Problem::unavailable()))
}

/// Like [`within`], with another timeout and the store's own error, for callers that can go on
/// without the store.
pub(crate) async fn in_time<T>(
    timeout: Duration,
    call: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error>
where
    T: Send + 'static,
{
    match tokio::time::timeout(timeout, tokio::spawn(call)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(panic)) => Err(Error::Corrupt(format!("a call panicked: {panic}"))),
        Err(_) => Err(Error::Unavailable(format!(
            "no answer within {} ms",
            timeout.as_millis()
        ))),
    }
}
