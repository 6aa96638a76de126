//! How many evaluations run at the same time, whatever else a worker holds.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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
    count: usize,
    free: Arc<Semaphore>,
    done: Mutex<Done>,
    metrics: Arc<Metrics>,
}

/// What was done on them so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Done {
    pub(crate) episodes: u64,
    pub(crate) time: Duration,
}

/// A core, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Core<'a> {
    cores: &'a Cores,
    since: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Cores {
    pub(crate) fn new(count: usize, metrics: &Arc<Metrics>) -> Self {
        let idle = i64::try_from(count).unwrap_or(i64::MAX);
        metrics.worker_slots.with_label_values(&["idle"]).set(idle);
        Self {
            count,
            free: Arc::new(Semaphore::new(count)),
            done: Mutex::default(),
            metrics: metrics.clone(),
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.count).unwrap_or(u32::MAX)
    }

    /// How many are taken.
    pub(crate) fn busy(&self) -> u32 {
        let free = self.free.available_permits();
        u32::try_from(self.count.saturating_sub(free)).unwrap_or(u32::MAX)
    }

    /// What was done so far.
    pub(crate) fn done(&self) -> Done {
        *self.tally()
    }

    /// A core to begin a job on. A worker that drains begins none.
    pub(crate) async fn take(&self, shutdown: &Shutdown) -> Result<Core<'_>, Stop> {
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
            cores: self,
            since: Instant::now(),
            _permit: permit,
        })
    }

    fn tally(&self) -> MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Core<'_> {
    /// So many episodes more are done.
    pub(crate) fn note(&self, episodes: usize) {
        self.cores.tally().episodes += episodes as u64;
    }
}

impl Drop for Core<'_> {
    fn drop(&mut self) {
        self.cores.tally().time += self.since.elapsed();
        let slots = &self.cores.metrics.worker_slots;
        slots.with_label_values(&["busy"]).dec();
        slots.with_label_values(&["idle"]).inc();
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
        first.note(3);
        drop(first);
        assert_eq!((busy(), cores.busy(), cores.done().episodes), (0, 0, 3));
        let second = cores.take(&shutdown).await.expect("it is free again");
        shutdown.drain.cancel();
        assert_eq!(cores.take(&shutdown).await.err(), Some(Stop::NotBegun));
        drop(second);
    }
}
