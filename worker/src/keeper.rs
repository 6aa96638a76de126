//! Keeps the leases of all jobs that this worker runs, in one call, and passes on what their owners
//! want.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tars_shared::services::Services;
use tars_shared::store::{Heartbeat, Lease, Standing};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::patience::answer_within;

/// Progress is seen and cancellations are obeyed within this time.
const BEAT: Duration = Duration::from_millis(250);

/// Why a run should stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stop {
    /// Its owner wants it to.
    Cancelled = 1,
    /// Another worker has the job.
    LeaseLost,
    /// An environment took too long.
    Timeout,
    /// The worker itself is being stopped.
    Shutdown,
}

/// What a run and its keeper tell each other.
#[derive(Debug, Default)]
pub(crate) struct Run {
    episodes_done: AtomicU32,
    stop: AtomicU8,
}

impl Run {
    /// Notes progress.
    pub(crate) fn set_episodes_done(&self, episodes: u32) {
        self.episodes_done.store(episodes, Ordering::Relaxed);
    }

    /// Asks the run to stop. The first reason stays.
    pub(crate) fn stop(&self, reason: Stop) {
        let _ = self
            .stop
            .compare_exchange(0, reason as u8, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Why the run should stop, if it should.
    pub(crate) fn stopped(&self) -> Option<Stop> {
        let reasons = [
            Stop::Cancelled,
            Stop::LeaseLost,
            Stop::Timeout,
            Stop::Shutdown,
        ];
        let code = self.stop.load(Ordering::Relaxed);
        reasons.into_iter().find(|&reason| reason as u8 == code)
    }
}

/// Keeps the leases of one worker.
#[derive(Debug)]
pub(crate) struct Keeper {
    services: Services,
    term: Duration,
    runs: Mutex<HashMap<Lease, Arc<Run>>>,
}

/// A lease is kept for as long as this lives.
#[derive(Debug)]
pub(crate) struct Kept<'a> {
    keeper: &'a Keeper,
    lease: Lease,
    pub(crate) run: Arc<Run>,
}

impl Kept<'_> {
    pub(crate) fn lease(&self) -> Lease {
        self.lease
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.keeper.runs().remove(&self.lease);
        self.keeper.services.metrics.leases_held.dec();
    }
}

impl Keeper {
    pub(crate) fn new(services: Services, config: &Config) -> Self {
        Self {
            services,
            term: config.lease_term(),
            runs: Mutex::default(),
        }
    }

    /// Keeps a lease from now on.
    pub(crate) fn keep(&self, lease: Lease) -> Kept<'_> {
        let run = Arc::new(Run::default());
        self.runs().insert(lease, run.clone());
        self.services.metrics.leases_held.inc();
        Kept {
            keeper: self,
            lease,
            run,
        }
    }

    /// Renews until `end`.
    pub(crate) async fn run(self: Arc<Self>, end: CancellationToken) {
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = beat.tick() => self.renew().await,
                () = end.cancelled() => return,
            }
        }
    }

    async fn renew(&self) {
        let runs: Vec<_> = self
            .runs()
            .iter()
            .map(|(&lease, run)| (lease, run.clone()))
            .collect();
        if runs.is_empty() {
            return;
        }
        let heartbeats: Vec<_> = runs
            .iter()
            .map(|(lease, run)| Heartbeat {
                lease: *lease,
                episodes_done: run.episodes_done.load(Ordering::Relaxed),
            })
            .collect();
        // One call that hangs must not cost the leases: well before they expire, the next one
        // begins.
        let patience = (self.term / 4).min(Duration::from_secs(1));
        let renewing = self.services.store.leases.renew(self.term, &heartbeats);
        match answer_within(patience, renewing).await {
            Ok(standings) => {
                for ((lease, run), standing) in runs.iter().zip(standings) {
                    match standing {
                        Standing::Held => {}
                        Standing::CancelRequested => run.stop(Stop::Cancelled),
                        Standing::Lost => {
                            // A run that ended between the copy above and this answer has lost
                            // nothing.
                            if self.runs().contains_key(lease) {
                                tracing::warn!(job.id = %lease.job_id, lease.epoch, "lease lost");
                                self.services.metrics.leases_lost.inc();
                                run.stop(Stop::LeaseLost);
                            }
                        }
                    }
                }
            }
            // The next beat tries again. Should the leases expire meanwhile, the epoch keeps late
            // writes out.
            Err(error) => tracing::debug!(%error, "leases were not renewed"),
        }
    }

    fn runs(&self) -> MutexGuard<'_, HashMap<Lease, Arc<Run>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
