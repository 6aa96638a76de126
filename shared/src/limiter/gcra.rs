//! The arithmetic of the generic cell rate algorithm, in whole microseconds.
//!
//! All that is kept of a key is when it will be whole: when all that its rate allows may be asked
//! at once again. How far that is away is its debt. Each request adds one interval to it, and time
//! takes it off.

use std::borrow::Cow;
use std::time::Duration;

use super::{Decision, Rate};
use crate::artifact::Digest;

/// Rates over a longer time are taken as over this one. With it no sum comes near what an `i64` or
/// a double can count.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// Longer keys are kept as a hash, so that nobody who chooses a key chooses how much memory it
/// takes. Shorter than what a hash looks like: a key cannot be made to look like the hash of
/// another.
const LONGEST_KEY: usize = 64;

/// A rate as the algorithm has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gcra {
    /// What a request costs. Rounded up, so that never more is allowed than was asked for; at 1000
    /// requests a second that is at most a thousandth less.
    pub(super) interval: i64,
    /// The debt of a key that has used all that it may.
    pub(super) full: i64,
}

impl Gcra {
    /// `None` where there is no limit.
    pub(super) fn of(rate: Rate) -> Option<Self> {
        let requests = rate.requests?.max(1);
        let per = rate.per.min(LONGEST).as_micros().max(1);
        let interval =
            i64::try_from(per.div_ceil(requests.into())).expect("a year has fewer microseconds");
        Some(Self {
            interval,
            full: interval * i64::from(requests),
        })
    }

    /// Counts a request if it is allowed, and returns whether it is and the debt from now on.
    ///
    /// A debt beyond what the rate can make is cut: it comes from a rate that was lower once, or
    /// from a clock that was set back, and would lock the key out for longer than the rate says.
    pub(super) fn count(self, debt: i64) -> (bool, i64) {
        let debt = debt.clamp(0, self.full);
        if debt + self.interval <= self.full {
            (true, debt + self.interval)
        } else {
            (false, debt)
        }
    }

    /// What is said to a request that left this debt.
    pub(super) fn decision(self, allowed: bool, debt: i64) -> Decision {
        let remaining = u32::try_from((self.full - debt) / self.interval).unwrap_or(0);
        let wait = if remaining == 0 {
            debt + self.interval - self.full
        } else {
            0
        };
        Decision {
            allowed,
            remaining,
            reset: duration(debt),
            retry_after: duration(wait),
        }
    }
}

/// A key by which the same is kept, whose length is bounded.
pub(super) fn bounded(key: &str) -> Cow<'_, str> {
    if key.len() <= LONGEST_KEY {
        return Cow::Borrowed(key);
    }
    Cow::Owned(format!("sha256:{}", Digest::of(key.as_bytes())))
}

fn duration(micros: i64) -> Duration {
    Duration::from_micros(micros.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extreme_rates_neither_panic_nor_lock_out_nor_allow_more() {
        for requests in [0, 1, 7, 1_000_000, u32::MAX] {
            for per in [
                Duration::ZERO,
                Duration::from_nanos(1),
                Duration::from_secs(1),
                Duration::MAX,
            ] {
                let gcra = Gcra::of(Rate {
                    requests: Some(requests),
                    per,
                })
                .unwrap();
                let (allowed, debt) = gcra.count(0);
                assert!(allowed, "the first of {requests} in {per:?}");
                assert_eq!(gcra.decision(allowed, debt).remaining, requests.max(1) - 1);
                let regained_in = Duration::from_micros(gcra.full.unsigned_abs());
                assert!(
                    regained_in >= per.min(LONGEST),
                    "{requests} in {per:?} are never regained early"
                );
                let (allowed, debt) = gcra.count(i64::MAX);
                assert!(!allowed && debt == gcra.full, "{requests} in {per:?}");
                assert!(
                    gcra.full < 1 << 50,
                    "a double counts it beside the time since 1970"
                );
            }
        }
    }

    #[test]
    fn a_long_key_is_short_and_never_that_of_another() {
        let (long, other) = ("k".repeat(1_000_000), "k".repeat(1_000_001));
        assert_ne!(bounded(&long), bounded(&other));
        let short = bounded(&long);
        assert!(short.len() < 100, "{short}");
        assert_ne!(
            bounded(&short),
            short,
            "who writes a hash as a key gets another"
        );
        assert_eq!(
            bounded("user ada"),
            "user ada",
            "what can be read stays readable"
        );
    }
}
