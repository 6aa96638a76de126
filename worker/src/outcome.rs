//! What becomes of a delivery. Handlers say it, one loop carries it out.

use tars_shared::queue::RetryTier;

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The job has ended, or it is in other hands: ack.
    Done,
    /// The job has failed for good: ack.
    Dead,
    /// The job is queued again: publish it for later, then ack.
    Retry(RetryTier),
    /// The job is set aside until its pause is over: ack.
    Held,
    /// This worker goes before the job is done: another consumer gets the delivery.
    Requeue,
}

impl Outcome {
    /// The name in metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Retry(_) => "retry",
            Self::Held => "held",
            Self::Requeue => "requeue",
        }
    }
}
