//! Removes what has been kept for long enough. Every worker does so; two of them do no harm.

use std::time::Duration;

use chrono::TimeDelta;
use tars_shared::services::Services;
use tars_shared::store::{Error, Pruned};
use tokio_util::sync::CancellationToken;

use crate::retrying::answer;

/// How often it is looked for what is over.
const INTERVAL: Duration = Duration::from_hours(1);

/// Of one kind in one statement.
const BATCH: u32 = 500;

/// The pause between two batches: nobody waits for them.
const PAUSE: Duration = Duration::from_millis(200);

/// Removes until `shutdown`; without `days` nothing is ever removed.
pub(crate) async fn run(services: Services, days: Option<u32>, shutdown: CancellationToken) {
    let Some(days) = days else { return };
    let kept = TimeDelta::days(days.into());
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = shutdown.cancelled() => return,
        }
        match prune(&services, kept, &shutdown).await {
            Ok(none) if none == Pruned::default() => {}
            Ok(Pruned {
                jobs,
                dead_letters,
                replays,
                artifacts,
            }) => {
                tracing::info!(
                    jobs,
                    dead_letters,
                    replays,
                    artifacts,
                    days,
                    "removed what was over"
                );
            }
            Err(error) => tracing::warn!(%error, "what is over stays for now"),
        }
    }
}

async fn prune(
    services: &Services,
    kept: TimeDelta,
    shutdown: &CancellationToken,
) -> Result<Pruned, Error> {
    let before = services.clock.now() - kept;
    let mut pruned = Pruned::default();
    loop {
        let batch = answer(services.store.retention.prune(before, BATCH)).await?;
        pruned += batch;
        if !batch.is_full(BATCH) || shutdown.is_cancelled() {
            return Ok(pruned);
        }
        tokio::time::sleep(PAUSE).await;
    }
}
