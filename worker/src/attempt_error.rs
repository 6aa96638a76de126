//! Why an attempt ended without a result.

use tars_shared::job::FailureKind;
use tars_shared::store::{self, Failed};

use crate::stop::Stop;

/// Why an attempt ended without a result.
#[derive(Debug)]
pub(crate) enum AttemptError {
    /// The same attempt anywhere would fail again.
    Permanent(Failed),
    /// Another attempt may succeed.
    Transient(Failed),
    /// The attempt was asked to stop.
    Stopped(Stop),
}

impl AttemptError {
    /// The evaluation itself broke down.
    pub(crate) fn broke_down(reason: String) -> Self {
        Self::Transient(Failed {
            kind: FailureKind::Evaluation,
            reason,
        })
    }
}

impl From<Stop> for AttemptError {
    fn from(stop: Stop) -> Self {
        Self::Stopped(stop)
    }
}

/// A store that is unavailable is asked again until the worker stops, so only then does its error
/// arrive here.
impl From<store::Error> for AttemptError {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Unavailable(_) => Self::Stopped(Stop::Shutdown),
            store::Error::Corrupt(reason) => {
                tracing::error!(error = reason, "the store holds something unreadable");
                Self::Permanent(Failed {
                    kind: FailureKind::Evaluation,
                    reason: "the store holds something unreadable for this job: the worker's log says what"
                        .to_owned(),
                })
            }
        }
    }
}
