//! How fast a replay goes: how many letters may go now, and whether it goes on at all.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Counts, Plan};

/// From so many ended jobs on, the share of those that failed says something. No more are under way before that,
/// so that a replay that only fails again is small.
pub const SAMPLE: u64 = 10;

/// So many jobs of one replay are under way at most: the queue is not only its own.
const UNDER_WAY: u64 = 1000;

/// The share of failures that stops a replay, unless its plan says another.
pub const STOP_AT: f64 = 0.5;

/// The growth of the waves, unless the plan says another.
const RAMP: f64 = 2.0;

/// How often it is looked at jobs that are under way.
const LOOK: Duration = Duration::from_millis(250);

/// The longest time between two looks.
const LONGEST: Duration = Duration::from_secs(1);

/// Where a replay is in its waves, and what its rate allows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    /// The size of the present wave. `None`: there are no waves.
    pub wave: Option<u32>,
    /// How many of it have gone.
    gone: u32,
    /// Whether the present wave is the canary.
    canary: bool,
    /// What had succeeded and failed when somebody resumed it: that was known to whoever did so.
    forgiven: (u64, u64),
    /// Jobs that the rate allows now.
    allowance: f64,
    /// Of which moment that is.
    as_of: DateTime<Utc>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Replay up to so many letters.
    Go(u64),
    /// Look again after this time.
    Wait(Duration),
    /// Too much fails again.
    Stop(String),
    /// Everything has ended.
    Finish,
}

impl Pace {
    /// At the beginning.
    pub fn new(plan: &Plan, now: DateTime<Utc>) -> Self {
        Self {
            wave: plan.canary,
            gone: 0,
            canary: plan.canary.is_some(),
            forgiven: (0, 0),
            allowance: 1.0,
            as_of: now,
        }
    }

    /// Somebody resumes it, knowing what has failed so far. A canary that failed is tried again with as many others.
    pub fn resume(&mut self, counts: &Counts, now: DateTime<Utc>) {
        self.forgiven = (counts.succeeded, counts.failed);
        self.as_of = now;
        if self.wave.is_some_and(|wave| self.gone >= wave) {
            self.gone = 0;
        }
    }

    /// What to do next, when its letters stand like this.
    pub fn next(&mut self, plan: &Plan, counts: &Counts, now: DateTime<Utc>) -> Next {
        if counts.remaining == 0 {
            return if counts.queued == 0 {
                Next::Finish
            } else {
                Next::Wait(LOOK)
            };
        }
        if let Some(reason) = self.verdict(plan, counts) {
            return Next::Stop(reason);
        }
        let judged = self.judged(counts);
        let under_way = if judged.0 + judged.1 < SAMPLE {
            SAMPLE
        } else {
            UNDER_WAY
        };
        let room = under_way.saturating_sub(counts.queued);
        let in_wave = self.in_wave(plan, counts);
        let free = room.min(in_wave).min(counts.remaining);
        if free == 0 {
            return Next::Wait(LOOK);
        }
        let Some(rate) = plan.rate_per_second else {
            return Next::Go(free);
        };
        self.refill(rate, now);
        if self.allowance < 1.0 {
            let missing = Duration::try_from_secs_f64((1.0 - self.allowance) / rate);
            return Next::Wait(missing.map_or(LONGEST, |missing| missing.min(LONGEST)));
        }
        Next::Go(free.min(whole(self.allowance).into()))
    }

    /// Notes that so many letters became jobs.
    pub fn note(&mut self, gone: u64) {
        let gone = u32::try_from(gone).unwrap_or(u32::MAX);
        self.gone = self.gone.saturating_add(gone);
        self.allowance -= f64::from(gone);
    }

    /// How many more may go in the present wave; begins the next one when all of it has ended.
    fn in_wave(&mut self, plan: &Plan, counts: &Counts) -> u64 {
        let Some(wave) = &mut self.wave else {
            return u64::MAX;
        };
        if self.gone >= *wave && counts.queued == 0 {
            let grown = whole((f64::from(*wave) * plan.ramp.unwrap_or(RAMP)).round());
            *wave = grown.max(*wave);
            self.gone = 0;
            self.canary = false;
        }
        u64::from(wave.saturating_sub(self.gone))
    }

    /// Why it must not go on.
    fn verdict(&self, plan: &Plan, counts: &Counts) -> Option<String> {
        let (succeeded, failed) = self.judged(counts);
        let ended = succeeded + failed;
        if self.canary && plan.stop_at_failure_rate.is_none() && failed > 0 {
            return Some(format!("{failed} of {ended} canaries failed again"));
        }
        let canary_ended =
            self.canary && counts.queued == 0 && self.wave.is_some_and(|wave| self.gone >= wave);
        if ended < SAMPLE && !(canary_ended && ended > 0) {
            return None;
        }
        let rate = failed as f64 / ended as f64;
        let bound = plan.stop_at_failure_rate.unwrap_or(STOP_AT);
        (rate > bound).then(|| {
            format!(
                "{failed} of {ended} replayed jobs failed again, which is more than {:.0} %",
                bound * 100.0
            )
        })
    }

    /// What succeeded and failed since somebody last decided upon it.
    fn judged(&self, counts: &Counts) -> (u64, u64) {
        let (succeeded, failed) = self.forgiven;
        (
            counts.succeeded.saturating_sub(succeeded),
            counts.failed.saturating_sub(failed),
        )
    }

    /// At most the jobs of a second are saved up.
    fn refill(&mut self, rate: f64, now: DateTime<Utc>) {
        let passed = (now - self.as_of).to_std().unwrap_or_default();
        self.as_of = now;
        self.allowance = (self.allowance + rate * passed.as_secs_f64()).min(rate.max(1.0));
    }
}

/// The whole part of a number that is not negative; what is too large is as large as it gets.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "that is what it says"
)]
fn whole(number: f64) -> u32 {
    number as u32
}

#[cfg(test)]
mod tests;
