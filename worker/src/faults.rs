//! Where tests let a worker die. Compiled only with the feature `faults`, which nothing but the
//! tests turns on.
//!
//! What happens to a process is decided from outside: `TARS_FAULT_AT` names the point at which it
//! dies, as by `kill -9`. What happens to a job is its own: the label `fault` set to `kill_worker`
//! takes down every worker that runs it.

use tars_shared::request::Parameters;

/// The points at which a worker can be made to die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// It holds a delivery and has claimed nothing.
    Delivered,
    /// It holds the lease and has done nothing.
    Claimed,
    /// One environment is evaluated, and its result is not committed.
    Evaluated,
    /// The result of an environment is committed, and the job goes on.
    Recorded,
    /// The job's end is committed, and the delivery is not acknowledged.
    Committed,
}

impl Point {
    fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Claimed => "claimed",
            Self::Evaluated => "evaluated",
            Self::Recorded => "recorded",
            Self::Committed => "committed",
        }
    }
}

/// Dies here, if it was asked to.
pub(crate) fn reach(point: Point) {
    if is_at(point) {
        std::process::abort();
    }
}

/// Whether this process is to die at this point.
pub(crate) fn is_at(point: Point) -> bool {
    std::env::var("TARS_FAULT_AT").is_ok_and(|name| name == point.name())
}

/// Dies, if the job wants that.
pub(crate) fn run(parameters: &Parameters) {
    if parameters
        .labels
        .get("fault")
        .is_some_and(|fault| fault == "kill_worker")
    {
        std::process::abort();
    }
}
