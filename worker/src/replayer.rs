//! Carries replays of dead letters on, step by step. Every worker does so: the store gives each step to one of them, and
//! whoever is killed in the middle of one has done nothing.

use std::time::Duration;

use tars_shared::services::Services;
use tars_shared::store::Error;
use tokio_util::sync::CancellationToken;

use crate::publishing::{left, publish};
use crate::retrying::answer;

/// How often it is looked for a replay that waits for a step.
const INTERVAL: Duration = Duration::from_millis(250);

/// How often it is looked for letters that a worker of an older release wrote.
const OLDER_RELEASE: u32 = 40;

/// Replays until `shutdown`.
pub(crate) async fn run(services: Services, max_replays: u32, shutdown: CancellationToken) {
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut round = 0_u32;
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = shutdown.cancelled() => return,
        }
        let carried_out = async {
            if round.is_multiple_of(OLDER_RELEASE) {
                while answer(services.store.dead_letters.give_fingerprints()).await? > 0 {}
            }
            carry_on(&services, max_replays, &shutdown).await
        };
        if let Err(error) = carried_out.await {
            tracing::debug!(%error, "nothing replayed for now");
        }
        round = round.wrapping_add(1);
    }
}

/// Takes steps while there are any to take.
async fn carry_on(
    services: &Services,
    max_replays: u32,
    shutdown: &CancellationToken,
) -> Result<(), Error> {
    let (replays, dispatches) = (&services.store.replays, &services.store.dispatches);
    while !shutdown.is_cancelled() {
        let Some(step) = answer(replays.advance(max_replays)).await? else {
            return Ok(());
        };
        // A recorded job counts as published. Should the worker be killed here, its message is missed
        // like one that was lost.
        let published = publish(services, &step.jobs).await;
        answer(dispatches.mark_unpublished(&left(&step.jobs, &published))).await?;
    }
    Ok(())
}
