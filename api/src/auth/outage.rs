//! What still counts while the database does not answer.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tars_shared::services::Services;

/// How old may be what is remembered when a database that is there gives no answer in time.
const MAX_AGE_WHILE_SLOW: Duration = Duration::from_secs(30);
/// How old it may have been when the database went away. Nothing is revoked in a database that is
/// away; this bounds what may have been revoked just before, without anybody who asked since.
pub(super) const MAX_AGE_AT_OUTAGE: Duration = Duration::from_mins(15);

/// When the database went away.
#[derive(Debug, Default)]
pub(super) struct Outage(Mutex<Option<DateTime<Utc>>>);

impl Outage {
    /// Whether what was true at `then` still counts, the database having given no answer just now.
    /// A database that is slow is not away: what it is asked for may have been revoked in it
    /// meanwhile.
    pub(super) fn still_counts(&self, services: &Services, then: DateTime<Utc>) -> bool {
        let hosts = &services.store.hosts;
        let away = !hosts.is_writable() && !hosts.reads_from_replica();
        self.decide(away, services.clock.now(), then)
    }

    fn decide(&self, away: bool, now: DateTime<Utc>, then: DateTime<Utc>) -> bool {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !away {
            *since = None;
            return now < then + MAX_AGE_WHILE_SLOW;
        }
        *since.get_or_insert(now) < then + MAX_AGE_AT_OUTAGE
    }

    pub(super) fn is_over(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::minutes(minutes)
    }

    #[test]
    fn a_slow_database_is_believed_for_seconds_and_an_absent_one_for_as_long_as_it_is_away() {
        let outage = Outage::default();
        assert!(outage.decide(false, at(0) + TimeDelta::seconds(29), at(0)));
        assert!(
            !outage.decide(false, at(0) + TimeDelta::seconds(30), at(0)),
            "it may have been revoked meanwhile"
        );
        assert!(outage.decide(true, at(14), at(0)));
        assert!(
            outage.decide(true, at(500), at(0)),
            "nothing is revoked in a database that is away"
        );
        assert!(
            !outage.decide(true, at(500), at(-1)),
            "but it may have been just before"
        );
        outage.is_over();
        assert!(
            !outage.decide(true, at(500), at(0)),
            "that was another outage"
        );
    }
}
