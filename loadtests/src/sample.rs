//! What became of one request.

use std::time::Duration;

/// One request and its answer. Times count from the start of the load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// When it was to be sent.
    pub(crate) due: Duration,
    /// When it was sent: later where no connection was free.
    pub(crate) sent: Duration,
    /// When its answer was there, or was given up.
    pub(crate) answered: Duration,
    pub(crate) outcome: Outcome,
    /// Whether the answer came from a cache, where it says so.
    pub(crate) cache_hit: Option<bool>,
}

impl Sample {
    /// How long whoever wanted the answer has waited: from the moment it was *due*. A service that
    /// stalls keeps its clients from asking; what they would have asked meanwhile waits as well.
    pub(crate) fn latency(&self) -> Duration {
        self.answered.saturating_sub(self.due)
    }
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// As it should.
    Answered,
    /// With 429.
    Limited,
    /// With another status than it should.
    Refused(u16),
    /// Without an answer: the connection could not be made, or broke.
    Disconnected,
    /// Without an answer in time.
    TimedOut,
}
