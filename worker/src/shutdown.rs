//! How a worker is asked to end: first kindly, then at once.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// The two stages of a worker's end.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// Take nothing new; finish what is running.
    pub drain: CancellationToken,
    /// Requeue what is running.
    pub now: CancellationToken,
}

impl Shutdown {
    /// Ends at once.
    pub fn at_once(&self) {
        self.drain.cancel();
        self.now.cancel();
    }

    /// Ends at once when the grace period after the first stage is over.
    pub(crate) async fn limit(&self, grace: Duration) {
        self.drain.cancelled().await;
        tokio::select! {
            () = tokio::time::sleep(grace) => {
                tracing::info!(?grace, "requeueing what has not finished within the grace period");
                self.now.cancel();
            }
            () = self.now.cancelled() => {}
        }
    }
}
