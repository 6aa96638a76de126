//! Shares of large limits: what one process takes of a caller's budget at one time, and spends
//! without asking again. The reasons and the bounds are in docs/adr/0015.
//!
//! A share is taken off the common budget before any of it is spent, and what is not spent within
//! [`LIFE`] is lost. So all processes together never allow more than the limit says, but for what a
//! budget regains in that time: requests may come so much later than they were paid for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Decision;
use super::gcra::{Gcra, bounded};

/// How long a share may be spent.
pub(super) const LIFE: Duration = Duration::from_millis(100);
/// How long a denial stands at least: a caller at its limit would otherwise ask for every single
/// request that it regains. What it regains meanwhile is not lost, and over HTTP nobody is told to
/// come back in less than a second.
const DENIAL: Duration = Duration::from_millis(50);
/// Only rates that regain so many requests in that time have shares; every request of a smaller one
/// is counted by itself.
const LEAST_WORTH: i64 = 2;
/// The part of what is left of a budget that a share may be, where that is more than the budget
/// regains in the time of a share.
const PART_OF_ROOM: i64 = 64;
/// Keys that have shares at once. Requests of more keys are counted one by one.
const CAPACITY: usize = 10_000;

/// The shares of a process.
#[derive(Debug, Default)]
pub(super) struct Shares(Mutex<HashMap<String, Arc<tokio::sync::Mutex<Share>>>>);

/// What is left of the last share of one key.
#[derive(Debug, Default)]
pub(super) struct Share {
    last: Option<Taken>,
}

/// What was taken off the common budget.
#[derive(Debug)]
struct Taken {
    gcra: Gcra,
    /// Just before it was asked for: no later than it was paid.
    asked: Instant,
    granted: u32,
    left: u32,
    /// How many requests there may be in the life of a share, as far as is known.
    demand: u32,
    /// What the key owes since, in microseconds.
    debt: i64,
}

/// The answer of the common budget.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grant {
    /// Requests that may be made. 0: none may now.
    pub(super) granted: u32,
    /// What the key owes with them.
    pub(super) debt: i64,
}

impl Shares {
    /// The share of a key, for whoever holds its lock; the others wait for what that one learns.
    /// `None`: its requests are counted one by one.
    pub(super) fn of(&self, key: &str, gcra: Gcra) -> Option<Arc<tokio::sync::Mutex<Share>>> {
        if worth(gcra) < LEAST_WORTH {
            return None;
        }
        let key = bounded(key);
        let mut shares = self.shares();
        if let Some(share) = shares.get(&*key) {
            return Some(share.clone());
        }
        if shares.len() >= CAPACITY {
            let now = Instant::now();
            // One that is locked is in use.
            shares.retain(|_, share| share.try_lock().map_or(true, |share| !share.is_over(now)));
            if shares.len() >= CAPACITY {
                return None;
            }
        }
        Some(shares.entry(key.into_owned()).or_default().clone())
    }

    pub(super) fn forget(&self, key: &str) {
        self.shares().remove(&*bounded(key));
    }

    fn shares(&self) -> MutexGuard<'_, HashMap<String, Arc<tokio::sync::Mutex<Share>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Spends one request of what was taken, or says again that there is none, as long as that is
    /// known. `None`: the common budget must be asked.
    pub(super) fn spend(&mut self, gcra: Gcra, now: Instant) -> Option<Decision> {
        let taken = self.last.as_mut().filter(|taken| taken.gcra == gcra)?;
        let age = now.saturating_duration_since(taken.asked);
        if taken.granted == 0 {
            let denied = denial(gcra, taken.debt);
            return (age < denied.retry_after).then(|| Decision {
                retry_after: denied.retry_after.saturating_sub(age),
                reset: denied.reset.saturating_sub(age),
                ..denied
            });
        }
        if taken.left == 0 || age >= LIFE {
            return None;
        }
        taken.left -= 1;
        Some(taken.decision())
    }

    /// How many requests to ask for: twice what was spent where that was not enough, otherwise what
    /// was spent; one where nothing is known of the caller.
    pub(super) fn wanted(&self, gcra: Gcra, now: Instant) -> u32 {
        let Some(taken) = self.last.as_ref().filter(|taken| taken.gcra == gcra) else {
            return 1;
        };
        let age = now.saturating_duration_since(taken.asked);
        let demand = if age >= 2 * LIFE {
            1
        } else if taken.granted == 0 {
            i64::from(taken.demand)
        } else if age < LIFE {
            i64::from(taken.granted) * 2
        } else {
            i64::from(taken.granted - taken.left)
        };
        let room = (gcra.full - taken.debt) / gcra.interval;
        let most = worth(gcra).max(room / PART_OF_ROOM);
        u32::try_from(demand.min(most)).unwrap_or(1).max(1)
    }

    /// Takes a grant, and spends the first request of it.
    pub(super) fn take(&mut self, gcra: Gcra, grant: Grant, asked: Instant) -> Decision {
        let before = self.last.as_ref().map_or(1, |taken| taken.demand);
        let demand = if grant.granted == 0 {
            before
        } else {
            grant.granted
        };
        let taken = self.last.insert(Taken {
            gcra,
            asked,
            granted: grant.granted,
            left: grant.granted.saturating_sub(1),
            demand,
            debt: grant.debt,
        });
        if grant.granted == 0 {
            denial(gcra, grant.debt)
        } else {
            taken.decision()
        }
    }

    fn is_over(&self, now: Instant) -> bool {
        let asked = self.last.as_ref().map(|taken| taken.asked);
        asked.is_none_or(|asked| now.saturating_duration_since(asked) >= 2 * LIFE)
    }
}

impl Taken {
    /// What is said to a request that was allowed: what is left of the common budget since the
    /// share was taken, and of the share.
    fn decision(&self) -> Decision {
        let unspent = self.gcra.interval * i64::from(self.left);
        self.gcra.decision(true, self.debt - unspent)
    }
}

/// What is said to a request that may not be made.
fn denial(gcra: Gcra, debt: i64) -> Decision {
    let denied = gcra.decision(false, debt);
    Decision {
        retry_after: denied.retry_after.max(DENIAL),
        ..denied
    }
}

/// How many requests a budget regains in the life of a share.
fn worth(gcra: Gcra) -> i64 {
    i64::try_from(LIFE.as_micros()).unwrap_or(i64::MAX) / gcra.interval
}

#[cfg(test)]
mod tests;
