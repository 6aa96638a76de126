//! What a sequential test is told, and what it reports.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::statistics::{Interval, size};

/// How an evaluation may end before its last episode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stopping {
    /// The seed of its first episode.
    pub seed: u64,
    /// Episodes that were asked for.
    pub episodes: u32,
    /// Environments of the job, which share the error rate of false accusations.
    pub environments: u32,
    /// The returns that are possible at all, where they are known.
    pub bounds: Option<Interval>,
}

/// What the sequential test found out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SequentialTest {
    /// Whether the verdict was safe before all episodes had run.
    pub stopped_early: bool,
    /// Episodes that ran.
    pub episodes_used: u32,
    /// Episodes that were asked for.
    pub episodes_planned: u32,
    /// Pairs of an episode and one of the baseline's.
    pub pairs: u32,
    /// P-value of "the candidate is worse", valid whenever one looks; null if nothing could be tested.
    pub p_value: Option<f64>,
    /// Interval of the difference, valid whenever one looks; each end is a one-sided bound at half of
    /// α. Null if nothing could be tested.
    pub interval: Option<Interval>,
    /// Why every episode had to run, where no early stop was possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unable: Option<String>,
}

impl SequentialTest {
    /// Every episode had to run.
    pub(super) fn unable(stopping: Stopping, episodes: usize, why: String) -> Self {
        Self {
            stopped_early: false,
            episodes_used: size(episodes),
            episodes_planned: stopping.episodes,
            pairs: 0,
            p_value: None,
            interval: None,
            unable: Some(why),
        }
    }
}
