//! Tells others that this worker is there, what it runs, how busy it is, and how fast; and hears from
//! them that it is to drain.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tars_shared::services::Services;
use tars_shared::store::WorkerReport;
use tokio_util::sync::CancellationToken;

use crate::cores::{Cores, Done};
use crate::lease_renewer::LeaseRenewer;
use crate::retrying::within;
use crate::shutdown::Shutdown;

/// How often. One that was not seen for several times as long counts as gone.
const INTERVAL: Duration = Duration::from_secs(2);

/// Within this time what was done counts for half.
const HALF_LIFE: Duration = Duration::from_mins(1);

/// Nobody waits for a report, and the next one says as much.
const REPORT_TIMEOUT: Duration = Duration::from_secs(1);

/// Jobs that a report names: of short ones, a worker holds many at a time.
const NAMED_JOBS: usize = 16;

/// Who this worker is.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// How it signs its leases.
    pub(crate) name: String,
    /// The machine that it runs on.
    pub(crate) host: String,
    /// When it began.
    pub(crate) started_at: DateTime<Utc>,
}

/// Reports until `end`, and begins to drain when that is asked for.
pub(crate) async fn run(
    services: Services,
    identity: Identity,
    (cores, renewer): (Arc<Cores>, Arc<LeaseRenewer>),
    shutdown: Shutdown,
    end: CancellationToken,
) {
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let decay = |since: Duration| 0.5_f64.powf(since.as_secs_f64() / HALF_LIFE.as_secs_f64());
    let (mut episodes, mut seconds, mut seen) = (0.0, 0.0, Done::default());
    let mut reported = tokio::time::Instant::now();
    let (workers, drain) = (&services.store.workers, &shutdown.drain);
    let mut draining = false;
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            // Others hear of it at once.
            () = drain.cancelled(), if !draining => {}
            () = end.cancelled() => break,
        }
        draining = drain.is_cancelled();
        let (done, decay) = (cores.done(), decay(reported.elapsed()));
        reported = tokio::time::Instant::now();
        episodes = episodes * decay + (done.episodes - seen.episodes) as f64;
        seconds = seconds * decay + done.time.saturating_sub(seen.time).as_secs_f64();
        seen = done;
        let report = WorkerReport {
            name: identity.name.clone(),
            host: identity.host.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: identity.started_at,
            slots: cores.count(),
            busy: cores.busy(),
            running: renewer.jobs(NAMED_JOBS),
            draining,
            episodes,
            seconds,
        };
        match within(REPORT_TIMEOUT, workers.report(&report)).await {
            Ok(true) if !draining => {
                tracing::info!("an operator drains this worker");
                drain.cancel();
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "this worker's report was not taken"),
        }
    }
    if let Err(error) = within(REPORT_TIMEOUT, workers.leave(&identity.name)).await {
        tracing::debug!(%error, "this worker leaves without a word");
    }
}
