//! What may end an environment before its last episode.

use std::sync::Arc;

use tars_engine::catalogue;
use tars_engine::regression::{Sequential, Stopping, Thresholds};
use tars_shared::baseline::Baseline;
use tars_shared::request::{Parameters, Stop};

/// A baseline that an environment is compared with while it runs.
#[derive(Debug, Clone)]
pub(crate) struct EarlyStop {
    pub(crate) baseline: Arc<Baseline>,
    pub(crate) stopping: Stopping,
    pub(crate) thresholds: Thresholds,
}

impl EarlyStop {
    /// The rule that says after which episode the verdict is safe; none where none can be.
    pub(crate) fn rule<'a>(&'a self, losses: &'a [f64]) -> Option<Sequential<'a>> {
        let statistics = &self.baseline.content.statistics;
        Sequential::new(statistics, losses, self.stopping, &self.thresholds).ok()
    }
}

/// How an environment of the job might end early, if that was asked for.
pub(crate) fn stopping(parameters: &Parameters, environment: &str) -> Option<Stopping> {
    (parameters.stop == Stop::WhenDecided).then(|| Stopping {
        seed: parameters.seed,
        episodes: parameters.num_episodes,
        environments: u32::try_from(parameters.environments.len()).unwrap_or(u32::MAX),
        bounds: catalogue::return_bounds(environment),
    })
}
