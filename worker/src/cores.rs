//! How many evaluations run at the same time, whatever else a worker holds.

use std::sync::Arc;
use std::time::Duration;

use tars_shared::metrics::Metrics;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::shutdown::Shutdown;
use crate::stop::Stop;

/// How long a job that was claimed in advance waits for the evaluations before it. A longer wait is
/// a mistake about their length: another worker may begin it at once.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(1);

/// The cores that evaluations take.
#[derive(Debug)]
pub(crate) struct Cores {
    free: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

/// A core, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Core {
    metrics: Arc<Metrics>,
    _permit: OwnedSemaphorePermit,
}

impl Cores {
    pub(crate) fn new(count: usize, metrics: &Arc<Metrics>) -> Self {
        let idle = i64::try_from(count).unwrap_or(i64::MAX);
        metrics.worker_slots.with_label_values(&["idle"]).set(idle);
        Self {
            free: Arc::new(Semaphore::new(count)),
            metrics: metrics.clone(),
        }
    }

    /// A core to begin a job on. A worker that drains begins none.
    pub(crate) async fn take(&self, shutdown: &Shutdown) -> Result<Core, Stop> {
        let permit = tokio::select! {
            biased;
            permit = self.free.clone().acquire_owned() => permit,
            () = shutdown.drain.cancelled() => return Err(Stop::NotBegun),
            () = tokio::time::sleep(BEGIN_TIMEOUT) => return Err(Stop::NotBegun),
        };
        // It is never closed.
        let permit = permit.map_err(|_| Stop::NotBegun)?;
        self.metrics.worker_slots.with_label_values(&["idle"]).dec();
        self.metrics.worker_slots.with_label_values(&["busy"]).inc();
        Ok(Core {
            metrics: self.metrics.clone(),
            _permit: permit,
        })
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.metrics.worker_slots.with_label_values(&["busy"]).dec();
        self.metrics.worker_slots.with_label_values(&["idle"]).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_cannot_begin_soon_is_not_kept_waiting() {
        let metrics = Arc::new(Metrics::new());
        let (cores, shutdown) = (Cores::new(1, &metrics), Shutdown::default());
        let busy = || metrics.worker_slots.with_label_values(&["busy"]).get();
        let first = cores.take(&shutdown).await.expect("it is free");
        assert_eq!(busy(), 1);
        assert_eq!(cores.take(&shutdown).await.err(), Some(Stop::NotBegun));
        drop(first);
        assert_eq!(busy(), 0);
        let second = cores.take(&shutdown).await.expect("it is free again");
        shutdown.drain.cancel();
        assert_eq!(cores.take(&shutdown).await.err(), Some(Stop::NotBegun));
        drop(second);
    }
}
