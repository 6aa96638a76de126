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
mod supervision;
mod verdict;

use std::sync::Arc;

use futures_util::future::join_all;
use tars_engine::regression::Thresholds;
use tars_shared::services::Services;
use tokio_util::sync::CancellationToken;

pub use crate::config::Config;
use crate::handler::Handler;
use crate::keeper::Keeper;
use crate::supervision::supervise;

/// Works until `shutdown`, then hands back what is unfinished.
pub async fn run(services: Services, config: Config, thresholds: Thresholds, shutdown: CancellationToken) {
    let keeper = Arc::new(Keeper::new(services.clone(), &config));
    let handler =
        Arc::new(Handler::new(services.clone(), config.clone(), thresholds, keeper.clone(), shutdown.clone()));
    // Leases are kept until the last slot is done: the keeper outlives the shutdown.
    let slots_done = CancellationToken::new();
    let keeping = supervise("keeper", slots_done.clone(), || keeper.clone().run(slots_done.clone()));
    let slots = config.slots();
    tracing::info!(worker = %config.name(), slots, "working");
    let idle = i64::try_from(slots).unwrap_or(i64::MAX);
    services.metrics.worker_slots.with_label_values(&["idle"]).set(idle);
    let working = async {
        let dispatching =
            supervise("dispatcher", shutdown.clone(), || dispatcher::run(services.clone(), shutdown.clone()));
        let slot =
            |_| supervise("slot", shutdown.clone(), || slot::run(services.clone(), handler.clone(), shutdown.clone()));
        tokio::join!(dispatching, join_all((0..slots).map(slot)));
        slots_done.cancel();
    };
    tokio::join!(keeping, working);
    tracing::info!("stopped");
}
