//! Which jobs are in hand beside each other in this process. A worker that dies takes all its jobs with
//! it; only a job that ran alone can be blamed for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// Hands out the permits to run that all jobs of one worker share.
#[derive(Debug)]
pub(crate) struct Isolation {
    /// How many jobs may be in hand at one time.
    beside: AtomicUsize,
    /// Jobs beside others hold it for reading, a job alone for writing. It is fair: one that waits
    /// to be alone is not overtaken for ever.
    lock: Arc<RwLock<()>>,
}

/// The permit to run a job, for as long as this lives.
#[derive(Debug)]
pub(crate) enum Permit {
    /// Other jobs may run beside it.
    Shared { _guard: OwnedRwLockReadGuard<()> },
    /// No other job runs in this process.
    Alone { _guard: OwnedRwLockWriteGuard<()> },
}

impl Permit {
    pub(crate) fn is_alone(&self) -> bool {
        matches!(self, Self::Alone { .. })
    }
}

impl Isolation {
    pub(crate) fn new(beside: usize) -> Self {
        Self {
            beside: AtomicUsize::new(beside),
            lock: Arc::default(),
        }
    }

    /// From now on so many jobs may be in hand at one time.
    pub(crate) fn run_beside(&self, jobs: usize) {
        self.beside.store(jobs, Ordering::Relaxed);
    }

    /// A permit beside other jobs. Where one is in hand at a time, it is a permit to run alone.
    pub(crate) async fn shared(&self) -> Permit {
        if self.beside.load(Ordering::Relaxed) == 1 {
            return self.alone().await;
        }
        Permit::Shared {
            _guard: self.lock.clone().read_owned().await,
        }
    }

    /// A permit to run alone: waits until the jobs that run now are done, and keeps others from
    /// beginning.
    pub(crate) async fn alone(&self) -> Permit {
        Permit::Alone {
            _guard: self.lock.clone().write_owned().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_alone_has_no_other_beside_it() {
        let isolation = Isolation::new(2);
        let (first, second) = (isolation.shared().await, isolation.shared().await);
        assert!(
            !first.is_alone() && !second.is_alone(),
            "two slots run side by side"
        );
        let mut alone = Box::pin(isolation.alone());
        assert!(
            futures_util::poll!(&mut alone).is_pending(),
            "one waits for the others"
        );
        assert!(
            futures_util::poll!(Box::pin(isolation.shared())).is_pending(),
            "and is not overtaken"
        );
        drop((first, second));
        assert!(alone.await.is_alone());
        assert!(
            !isolation.shared().await.is_alone(),
            "afterwards jobs run side by side again"
        );
    }

    #[tokio::test]
    async fn one_at_a_time_is_always_alone() {
        let isolation = Isolation::new(1);
        assert!(isolation.shared().await.is_alone());
        isolation.run_beside(2);
        let alone = isolation.alone().await;
        let mut next = Box::pin(isolation.shared());
        assert!(futures_util::poll!(&mut next).is_pending(), "it stays so");
        drop(alone);
        assert!(!next.await.is_alone());
    }
}
