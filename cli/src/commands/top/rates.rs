//! How fast jobs come and end, from how many there were at several looks.

use std::collections::VecDeque;
use std::time::Duration;

use tars_shared::job::{Ledger, Status};
use tokio::time::Instant;

/// The service counts twice a second at most, so that a shorter time would show steps for speed.
const WINDOW: Duration = Duration::from_secs(5);

/// The looks of the last seconds.
#[derive(Debug, Default)]
pub(super) struct Rates {
    looks: VecDeque<(Instant, Ledger)>,
}

/// Jobs in a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rate {
    pub(super) accepted: f64,
    /// Completed, failed or cancelled.
    pub(super) finished: f64,
    pub(super) failed: f64,
}

impl Rates {
    /// What was there at this moment.
    pub(super) fn add(&mut self, at: Instant, jobs: Ledger) {
        // Jobs never become fewer: those are another service's.
        if self
            .looks
            .back()
            .is_some_and(|(_, last)| jobs.total() < last.total())
        {
            self.looks.clear();
        }
        self.looks.push_back((at, jobs));
        // The one before the window is where it begins.
        while self
            .looks
            .get(1)
            .is_some_and(|(second, _)| at - *second >= WINDOW)
        {
            self.looks.pop_front();
        }
    }

    /// Unknown until there were two looks.
    pub(super) fn rate(&self) -> Option<Rate> {
        let ((begun, before), (ended, after)) = (self.looks.front()?, self.looks.back()?);
        let seconds = (*ended - *begun).as_secs_f64();
        let per_second =
            |of: fn(&Ledger) -> u64| of(after).saturating_sub(of(before)) as f64 / seconds;
        (seconds > 0.0).then(|| Rate {
            accepted: per_second(Ledger::total),
            finished: per_second(|jobs| {
                [Status::Completed, Status::Failed, Status::Cancelled]
                    .map(|status| jobs.count(status))
                    .iter()
                    .sum()
            }),
            failed: per_second(|jobs| jobs.count(Status::Failed)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(queued: u64, completed: u64, failed: u64) -> Ledger {
        let mut jobs = Ledger::default();
        jobs.add(Status::Queued, queued);
        jobs.add(Status::Completed, completed);
        jobs.add(Status::Failed, failed);
        jobs
    }

    #[test]
    fn a_rate_is_what_changed_in_the_last_seconds() {
        let start = Instant::now();
        let second = |number| start + Duration::from_secs(number);
        let mut rates = Rates::default();
        rates.add(start, jobs(10, 0, 0));
        assert_eq!(rates.rate(), None);
        rates.add(second(2), jobs(8, 5, 1));
        let expected = Rate {
            accepted: 2.0,
            finished: 3.0,
            failed: 0.5,
        };
        assert_eq!(rates.rate(), Some(expected));
        // The first look is out of the window by then.
        rates.add(second(7), jobs(8, 5, 1));
        assert_eq!(rates.rate().map(|rate| rate.finished), Some(0.0));
    }

    #[test]
    fn fewer_jobs_than_before_are_another_services() {
        let start = Instant::now();
        let mut rates = Rates::default();
        rates.add(start, jobs(0, 100, 0));
        rates.add(start + Duration::from_secs(1), jobs(0, 1, 0));
        assert_eq!(rates.rate(), None);
    }
}
