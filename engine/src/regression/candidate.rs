//! What is judged.

use super::baseline::Baseline;
use super::sequential_test::Stopping;
use crate::episode::Episode;
use crate::metrics::Metrics;

/// The evaluation of one environment and what it is compared with.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Gymnasium's id; named in the reason.
    pub environment: &'a str,
    /// The episodes, at least one.
    pub episodes: &'a [Episode],
    /// What [`summarize`](crate::metrics::summarize) made of them.
    pub metrics: &'a Metrics,
    /// What they are compared with.
    pub baseline: &'a Baseline,
    /// The client's training losses, oldest first; may be empty.
    pub losses: &'a [f64],
    /// How it might have ended early, if it might.
    pub stopping: Option<Stopping>,
}
