//! Renews the leases of all jobs that this worker runs, in one call, and passes cancellations on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tars_shared::services::Services;
use tars_shared::store::{Heartbeat, Lease, Renewal};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::Config;
use crate::retrying::within;
use crate::stop::{Run, Stop};

/// How often leases are renewed. Progress is seen and cancellations are obeyed within this time.
const HEARTBEAT: Duration = Duration::from_millis(200);

/// The longest that one renewal may take: well before the leases expire, the next one begins.
const RENEW_TIMEOUT: Duration = Duration::from_secs(1);

/// Renews the leases of one worker.
#[derive(Debug)]
pub(crate) struct LeaseRenewer {
    services: Services,
    term: Duration,
    runs: Mutex<HashMap<Lease, (Arc<Run>, Instant)>>,
}

/// A lease is renewed for as long as this lives.
#[derive(Debug)]
pub(crate) struct LeaseGuard<'a> {
    renewer: &'a LeaseRenewer,
    lease: Lease,
    pub(crate) run: Arc<Run>,
}

impl LeaseGuard<'_> {
    pub(crate) fn lease(&self) -> Lease {
        self.lease
    }
}

impl Drop for LeaseGuard<'_> {
    fn drop(&mut self) {
        self.renewer.runs().remove(&self.lease);
        self.renewer.services.metrics.leases_held.dec();
    }
}

impl LeaseRenewer {
    pub(crate) fn new(services: Services, config: &Config) -> Self {
        Self {
            services,
            term: config.lease_term(),
            runs: Mutex::default(),
        }
    }

    /// Renews a lease from now on.
    pub(crate) fn guard(&self, lease: Lease) -> LeaseGuard<'_> {
        let run = Arc::new(Run::default());
        self.runs().insert(lease, (run.clone(), Instant::now()));
        self.services.metrics.leases_held.inc();
        LeaseGuard {
            renewer: self,
            lease,
            run,
        }
    }

    /// The jobs whose leases are held, those that were taken first, `limit` at most.
    pub(crate) fn jobs(&self, limit: usize) -> Vec<Uuid> {
        let runs = self.runs();
        let mut held: Vec<_> = runs
            .iter()
            .map(|(lease, (_, since))| (*since, lease.job_id))
            .collect();
        drop(runs);
        held.sort_unstable();
        held.into_iter().take(limit).map(|(_, id)| id).collect()
    }

    /// Renews until `end`.
    pub(crate) async fn run(self: Arc<Self>, end: CancellationToken) {
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = heartbeat.tick() => self.renew().await,
                () = end.cancelled() => return,
            }
        }
    }

    async fn renew(&self) {
        // What was claimed a moment ago is fresh, and most short jobs end as such.
        let runs: Vec<_> = self
            .runs()
            .iter()
            .filter(|(_, (_, since))| since.elapsed() >= HEARTBEAT)
            .map(|(&lease, (run, _))| (lease, run.clone()))
            .collect();
        if runs.is_empty() {
            return;
        }
        let heartbeats: Vec<_> = runs
            .iter()
            .map(|(lease, run)| Heartbeat {
                lease: *lease,
                episodes_done: run.episodes_done(),
            })
            .collect();
        let timeout = (self.term / 4).min(RENEW_TIMEOUT);
        let renewing = self.services.store.leases.renew(self.term, &heartbeats);
        match within(timeout, renewing).await {
            Ok(renewals) => {
                for ((lease, run), renewal) in runs.iter().zip(renewals) {
                    self.apply(*lease, run, renewal);
                }
            }
            // The next heartbeat tries again. Should the leases expire meanwhile, the epoch keeps
            // late writes out.
            Err(error) => tracing::debug!(%error, "leases were not renewed"),
        }
    }

    fn apply(&self, lease: Lease, run: &Run, renewal: Renewal) {
        match renewal {
            Renewal::Renewed => {}
            Renewal::CancelRequested => run.stop(Stop::Cancelled),
            // A run that ended between the heartbeat and its answer has lost nothing.
            Renewal::Lost if !self.runs().contains_key(&lease) => {}
            Renewal::Lost => {
                tracing::warn!(job.id = %lease.job_id, lease.epoch, "lease lost");
                self.services.metrics.leases_lost.inc();
                run.stop(Stop::LeaseLost);
            }
        }
    }

    fn runs(&self) -> MutexGuard<'_, HashMap<Lease, (Arc<Run>, Instant)>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
