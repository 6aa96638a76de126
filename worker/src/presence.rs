//! Tells whoever starts and stops workers that this one is there, how busy it is, and how fast.

use std::sync::Arc;
use std::time::Duration;

use tars_shared::services::Services;
use tars_shared::store::WorkerReport;
use tokio_util::sync::CancellationToken;

use crate::cores::{Cores, Done};
use crate::retrying::within;

/// How often. One that was not seen for several times as long counts as gone.
const INTERVAL: Duration = Duration::from_secs(2);

/// Within this time what was done counts for half.
const HALF_LIFE: Duration = Duration::from_mins(1);

/// Nobody waits for a report, and the next one says as much.
const REPORT_TIMEOUT: Duration = Duration::from_secs(1);

/// Reports until `end`.
pub(crate) async fn run(
    services: Services,
    name: String,
    cores: Arc<Cores>,
    end: CancellationToken,
) {
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let decay = 0.5_f64.powf(INTERVAL.as_secs_f64() / HALF_LIFE.as_secs_f64());
    let (mut episodes, mut seconds, mut seen) = (0.0, 0.0, Done::default());
    let workers = &services.store.workers;
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = end.cancelled() => break,
        }
        let done = cores.done();
        episodes = episodes * decay + (done.episodes - seen.episodes) as f64;
        seconds = seconds * decay + done.time.saturating_sub(seen.time).as_secs_f64();
        seen = done;
        let report = WorkerReport {
            name: name.clone(),
            slots: cores.count(),
            busy: cores.busy(),
            episodes,
            seconds,
        };
        if let Err(error) = within(REPORT_TIMEOUT, workers.report(&report)).await {
            tracing::debug!(%error, "this worker's report was not taken");
        }
    }
    if let Err(error) = within(REPORT_TIMEOUT, workers.leave(&name)).await {
        tracing::debug!(%error, "this worker leaves without a word");
    }
}
