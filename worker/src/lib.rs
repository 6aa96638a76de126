//! Delivery in, evaluation, one row, ack.
//!
//! A worker keeps nothing: whatever it held when it died, another one finds in the store and in the
//! queue.

mod agent;
mod attempt;
mod attempt_error;
pub mod config;
mod delivered;
mod dispatcher;
mod evaluation;
#[cfg(feature = "faults")]
mod faults;
mod handler;
mod isolation;
mod lease_renewer;
mod outcome;
mod policies;
mod recorder;
mod retrying;
mod shutdown;
mod slot;
mod stop;
mod supervision;
mod verdict;

use std::sync::Arc;

use futures_util::future::join_all;
use tars_engine::regression::Thresholds;
use tars_shared::services::Services;
use tokio_util::sync::CancellationToken;

pub use crate::config::Config;
use crate::delivered::Delivered;
use crate::handler::Handler;
use crate::lease_renewer::LeaseRenewer;
pub use crate::shutdown::Shutdown;
use crate::supervision::supervise;

/// Works until `shutdown`: then takes nothing new, and requeues what does not finish within the
/// grace period.
pub async fn run(services: Services, config: Config, thresholds: Thresholds, shutdown: Shutdown) {
    let renewer = Arc::new(LeaseRenewer::new(services.clone(), &config));
    let handler = Arc::new(Handler::new(
        services.clone(),
        &config,
        thresholds,
        renewer.clone(),
        shutdown.clone(),
    ));
    // Leases are renewed until the last slot is done, which may be long after `shutdown`.
    let slots_done = CancellationToken::new();
    let renewing = supervise("lease renewer", slots_done.clone(), || {
        renewer.clone().run(slots_done.clone())
    });
    let slots = config.slots();
    tracing::info!(worker = %config.name(), slots, "working");
    let idle = i64::try_from(slots).unwrap_or(i64::MAX);
    services
        .metrics
        .worker_slots
        .with_label_values(&["idle"])
        .set(idle);
    let (drain, delivered) = (&shutdown.drain, Arc::new(Delivered::default()));
    let working = async {
        let dispatching = supervise("dispatcher", drain.clone(), || {
            dispatcher::run(services.clone(), delivered.clone(), drain.clone())
        });
        let recording = supervise("recorder", drain.clone(), || {
            recorder::run(services.clone(), config.max_attempts, drain.clone())
        });
        let slot = |_| {
            supervise("slot", drain.clone(), || {
                slot::run(
                    services.clone(),
                    handler.clone(),
                    delivered.clone(),
                    drain.clone(),
                )
            })
        };
        tokio::join!(dispatching, recording, join_all((0..slots).map(slot)));
        slots_done.cancel();
    };
    let limiting = async {
        tokio::select! {
            () = shutdown.limit(config.grace()) => {}
            () = slots_done.cancelled() => {}
        }
    };
    tokio::join!(renewing, working, limiting);
    tracing::info!("stopped");
}
