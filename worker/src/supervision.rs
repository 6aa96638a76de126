//! Parts of a worker that must not end before it does. A panic is a defect, reported and survived:
//! what the part held goes back to the queue and the store, where attempts are counted.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// The pause before a part that panicked begins anew, so that one that always panics does not spin.
const RESTART_DELAY: Duration = Duration::from_millis(500);

/// Runs a part, and again whenever it panics, until it returns or `end` comes.
pub(crate) async fn supervise<F>(
    part: &'static str,
    end: CancellationToken,
    mut begin: impl FnMut() -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    while let Err(panic) = tokio::spawn(begin()).await {
        tracing::error!(part, %panic, "a part of the worker panicked and begins anew");
        tokio::select! {
            () = tokio::time::sleep(RESTART_DELAY) => {}
            () = end.cancelled() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_part_that_panics_begins_anew_until_it_returns() {
        let runs = Arc::new(AtomicU32::new(0));
        let begin = || {
            let runs = runs.clone();
            async move { assert!(runs.fetch_add(1, Ordering::Relaxed) == 2, "not yet") }
        };
        supervise("test", CancellationToken::new(), begin).await;
        assert_eq!(runs.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_part_that_panics_while_the_worker_ends_stays_down() {
        let end = CancellationToken::new();
        end.cancel();
        supervise("test", end, || async { panic!("always") }).await;
    }
}
