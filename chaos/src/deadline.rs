//! Waiting for a condition, with an end.

use std::thread;
use std::time::{Duration, Instant};

/// How long to pause between two looks: far below what a person or a deadline notices, far above
/// the cost of a look.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Looks until the condition holds, and says whether it did within the limit. Looks at least once.
pub fn eventually(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(POLL_INTERVAL);
    }
}
