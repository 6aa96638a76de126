//! How many deliveries a worker holds: as many as it finishes in a moment.
//!
//! A worker that runs long jobs holds those that it runs and no others, so that whatever waits can
//! begin elsewhere. Where jobs take less than the way around them, that way is shortened by holding
//! many: the next ones are claimed while others run, and the ends of many are written at once.

use std::time::Duration;

use tokio::time::Instant;

/// What is held beyond the running jobs begins within this time, at the pace of the moment before.
const HOLD: Duration = Duration::from_millis(200);

/// The window of a worker.
#[derive(Debug)]
pub(crate) struct Pace {
    /// The fewest deliveries: one for each evaluation at a time.
    slots: usize,
    /// The most.
    max: usize,
    window: usize,
    since: Instant,
    /// Jobs that had ended at `since`.
    ended: u64,
}

impl Pace {
    /// Begins as if all jobs were long.
    pub(crate) fn new(slots: usize, max: usize, now: Instant) -> Self {
        Self {
            slots,
            max: max.max(slots),
            window: slots,
            since: now,
            ended: 0,
        }
    }

    /// Looks at how many jobs have `ended` in all. `saturated`: there was always another one to
    /// begin with; otherwise the pace says nothing.
    pub(crate) fn look(&mut self, now: Instant, ended: u64, saturated: bool) {
        let passed = now.saturating_duration_since(self.since);
        if passed < HOLD {
            return;
        }
        if saturated {
            let rate = ended.saturating_sub(self.ended) as f64 / passed.as_secs_f64();
            self.follow(rate * HOLD.as_secs_f64());
        }
        (self.since, self.ended) = (now, ended);
    }

    /// Changes the window only when it is far off, because a change costs round trips.
    fn follow(&mut self, held: f64) {
        let window = self.window as f64;
        if (window / 2.0..=window * 2.0).contains(&held) {
            return;
        }
        let count = (1..=self.max)
            .take_while(|count| *count as f64 <= held)
            .count();
        self.window = if count < 2 * self.slots {
            self.slots
        } else {
            count
        };
    }

    /// How many jobs may be in hand: claimed, running or about to end.
    pub(crate) fn in_hand(&self) -> usize {
        if self.prefetch() == 0 {
            self.slots
        } else {
            // The other half is here when it is needed.
            (self.window / 2).max(self.slots)
        }
    }

    /// How many deliveries of each priority may be here, with those in hand; 0: none in advance.
    pub(crate) fn prefetch(&self) -> u16 {
        if self.window <= self.slots {
            0
        } else {
            u16::try_from(self.window).unwrap_or(u16::MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pace after looks at these numbers of ended jobs, one every fifth of a second.
    fn after(pace: &mut Pace, now: &mut Instant, each: &[u64], ended: &mut u64) {
        for jobs in each {
            *now += HOLD;
            *ended += jobs;
            pace.look(*now, *ended, true);
        }
    }

    #[test]
    fn short_jobs_widen_the_window_and_long_ones_close_it() {
        let (mut now, mut ended) = (Instant::now(), 0);
        let mut pace = Pace::new(2, 256, now);
        assert_eq!((pace.prefetch(), pace.in_hand()), (0, 2), "none in advance");
        after(&mut pace, &mut now, &[1, 0, 3], &mut ended);
        assert_eq!((pace.prefetch(), pace.in_hand()), (0, 2), "long jobs");
        after(&mut pace, &mut now, &[40], &mut ended);
        assert_eq!((pace.prefetch(), pace.in_hand()), (40, 20));
        after(&mut pace, &mut now, &[70, 30], &mut ended);
        assert_eq!(pace.prefetch(), 40, "it does not follow every step");
        after(&mut pace, &mut now, &[9000], &mut ended);
        assert_eq!((pace.prefetch(), pace.in_hand()), (256, 128), "bounded");
        after(&mut pace, &mut now, &[10], &mut ended);
        assert_eq!((pace.prefetch(), pace.in_hand()), (10, 5));
        after(&mut pace, &mut now, &[0], &mut ended);
        assert_eq!((pace.prefetch(), pace.in_hand()), (0, 2));
    }

    #[test]
    fn a_worker_with_nothing_to_do_keeps_its_window() {
        let (mut now, mut ended) = (Instant::now(), 0);
        let mut pace = Pace::new(1, 256, now);
        after(&mut pace, &mut now, &[100], &mut ended);
        now += Duration::from_mins(10);
        pace.look(now, ended, false);
        assert_eq!(pace.prefetch(), 100);
    }

    #[test]
    fn a_window_of_one_per_slot_is_never_left() {
        let (mut now, mut ended) = (Instant::now(), 0);
        let mut pace = Pace::new(4, 1, now);
        after(&mut pace, &mut now, &[500, 500], &mut ended);
        assert_eq!((pace.prefetch(), pace.in_hand()), (0, 4));
    }
}
