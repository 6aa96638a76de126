//! Delivery in, evaluation, one row, ack.
//!
//! A worker keeps nothing: whatever it held when it died, another one finds in the store and in the queue.

mod agent;
mod attempt;
pub mod config;
mod dispatcher;
mod evaluation;
mod handler;
mod keeper;
mod outcome;
mod patience;
mod slot;
mod verdict;

use std::sync::Arc;

use tars_engine::regression::Thresholds;
use tars_shared::services::Services;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use crate::config::Config;
use crate::handler::Handler;
use crate::keeper::Keeper;

/// Works until `shutdown`, then hands back what is unfinished.
pub async fn run(services: Services, config: Config, thresholds: Thresholds, shutdown: CancellationToken) {
    let keeper = Arc::new(Keeper::new(services.clone(), &config));
    let handler =
        Arc::new(Handler::new(services.clone(), config.clone(), thresholds, keeper.clone(), shutdown.clone()));
    let mut tasks = JoinSet::new();
    // Leases are kept until the last slot is done: the keeper outlives the shutdown.
    let slots_done = CancellationToken::new();
    let keeping = tokio::spawn(keeper.run(slots_done.clone()));
    tasks.spawn(dispatcher::run(services.clone(), shutdown.clone()));
    let slots = config.slots();
    services.metrics.worker_slots.with_label_values(&["idle"]).set(i64::try_from(slots).unwrap_or(i64::MAX));
    tracing::info!(worker = %config.name(), slots, "working");
    for _ in 0..slots {
        tasks.spawn(slot::run(services.clone(), handler.clone(), shutdown.clone()));
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(panic) = ended {
            tracing::error!(%panic, "a part of the worker panicked");
        }
    }
    slots_done.cancel();
    if let Err(panic) = keeping.await {
        tracing::error!(%panic, "the lease keeper panicked");
    }
    tracing::info!("stopped");
}
