//! The database's clock, as seen from here.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use uuid::Uuid;

use crate::clock::Clock;

/// A clock of this machine, set right by what the database says. Leases of several machines are
/// compared with each other, so they all go by one clock; asking for it with every statement would
/// cost a round trip each.
#[derive(Debug)]
pub(super) struct DatabaseClock {
    local: Arc<dyn Clock>,
    ahead_micros: AtomicI64,
}

impl DatabaseClock {
    /// Right until told otherwise.
    pub(super) fn new(local: Arc<dyn Clock>) -> Self {
        Self {
            local,
            ahead_micros: AtomicI64::new(0),
        }
    }

    /// This machine's time.
    pub(super) fn local(&self) -> DateTime<Utc> {
        self.local.now()
    }

    /// Sets the clock: the database gave its time somewhere between two moments of this machine.
    pub(super) fn set(
        &self,
        database: DateTime<Utc>,
        asked: DateTime<Utc>,
        answered: DateTime<Utc>,
    ) {
        let midway = asked + (answered - asked) / 2;
        let ahead = (database - midway).num_microseconds().unwrap_or_default();
        self.ahead_micros.store(ahead, Ordering::Relaxed);
    }
}

impl Clock for DatabaseClock {
    fn now(&self) -> DateTime<Utc> {
        (self.local() + TimeDelta::microseconds(self.ahead_micros.load(Ordering::Relaxed)))
            .trunc_subsecs(6)
    }

    fn new_id(&self) -> Uuid {
        self.local.new_id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Manual;

    #[test]
    fn a_machine_whose_clock_is_wrong_goes_by_the_databases() {
        let local = Arc::new(Manual::new());
        let clock = DatabaseClock::new(local.clone());
        let asked = local.now();
        assert_eq!(clock.now(), asked, "nothing is known yet");
        let answered = asked + TimeDelta::milliseconds(20);
        clock.set(asked + TimeDelta::seconds(90), asked, answered);
        local.advance(TimeDelta::seconds(10));
        let expected = asked + TimeDelta::seconds(100) - TimeDelta::milliseconds(10);
        assert_eq!(clock.now(), expected);
    }
}
