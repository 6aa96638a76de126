//! Delivery in, evaluation, one row, ack.
//!
//! A worker keeps nothing: whatever it held when it died, another one finds in the store and in the
//! queue.

mod attempt;
mod attempt_error;
mod baselines;
pub mod config;
mod cores;
mod delivered;
mod dispatcher;
mod early_stop;
mod evaluation;
#[cfg(feature = "faults")]
mod faults;
mod handler;
mod host;
mod intake;
mod isolation;
mod lease_renewer;
mod outcome;
mod pace;
mod pauses;
mod policies;
mod presence;
mod publishing;
mod recorder;
mod replayer;
mod retention;
mod retrying;
mod reuse;
mod shutdown;
mod stop;
mod supervision;
mod verdict;
mod webhooks;

use std::sync::Arc;

use tars_engine::regression::Thresholds;
use tars_shared::services::Services;
use tokio_util::sync::CancellationToken;

pub use crate::config::Config;
use crate::cores::Cores;
use crate::delivered::Delivered;
use crate::handler::Handler;
use crate::intake::Intake;
use crate::lease_renewer::LeaseRenewer;
use crate::presence::Identity;
pub use crate::shutdown::Shutdown;
use crate::supervision::supervise;

/// Works until `shutdown`: then takes nothing new, and requeues what does not finish within the
/// grace period.
pub async fn run(services: Services, config: Config, thresholds: Thresholds, shutdown: Shutdown) {
    let renewer = Arc::new(LeaseRenewer::new(services.clone(), &config));
    let cores = Arc::new(Cores::new(config.slots(), &services.metrics));
    let handler = Arc::new(Handler::new(
        services.clone(),
        &config,
        thresholds,
        renewer.clone(),
        cores.clone(),
        shutdown.clone(),
    ));
    // Leases are renewed until the last job is done, which may be long after `shutdown`.
    let jobs_done = CancellationToken::new();
    let renewing = supervise("lease renewer", jobs_done.clone(), || {
        renewer.clone().run(jobs_done.clone())
    });
    let identity = Identity {
        name: config.name(),
        host: host::name(),
        started_at: services.clock.now(),
    };
    let presence = supervise("presence", jobs_done.clone(), || {
        presence::run(
            services.clone(),
            identity.clone(),
            (cores.clone(), renewer.clone()),
            shutdown.clone(),
            jobs_done.clone(),
        )
    });
    let (slots, window) = (config.slots(), config.window());
    tracing::info!(worker = %config.name(), slots, window, "working");
    let (drain, delivered) = (&shutdown.drain, Arc::new(Delivered::default()));
    let working = async {
        let dispatching = supervise("dispatcher", drain.clone(), || {
            dispatcher::run(services.clone(), delivered.clone(), drain.clone())
        });
        let recording = supervise("recorder", drain.clone(), || {
            recorder::run(services.clone(), config.max_attempts, drain.clone())
        });
        let pruning = supervise("retention", drain.clone(), || {
            retention::run(
                services.clone(),
                config.keeping.retention_days,
                drain.clone(),
            )
        });
        let replaying = supervise("replayer", drain.clone(), || {
            replayer::run(services.clone(), config.keeping.max_replays, drain.clone())
        });
        let delivering = supervise("webhooks", drain.clone(), || {
            webhooks::run(services.clone(), config.webhooks.clone(), shutdown.clone())
        });
        let taking = supervise("intake", drain.clone(), || {
            let (services, handler) = (services.clone(), handler.clone());
            let size = (slots, window);
            Intake::new(services, handler, delivered.clone(), drain.clone(), size).run()
        });
        let pauses = handler.pauses();
        let pausing = supervise("pauses", drain.clone(), || {
            pauses.clone().run(services.store.clone(), drain.clone())
        });
        let keeping = async { tokio::join!(dispatching, recording, pruning, replaying) };
        tokio::join!(keeping, delivering, pausing, taking);
        jobs_done.cancel();
    };
    let limiting = async {
        tokio::select! {
            () = shutdown.limit(config.grace()) => {}
            () = jobs_done.cancelled() => {}
        }
    };
    tokio::join!(renewing, presence, working, limiting);
    tracing::info!("stopped");
}
