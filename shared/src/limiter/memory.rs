//! The limiter of one process.
//!
//! Keys come from outside, so whoever invents keys must neither make this grow without bound nor be
//! able to wipe out what others have used. It holds a hundred thousand keys. When it is full, it
//! forgets a tenth at once, those that are nearest to being whole: forgetting a key that is whole
//! changes nothing, and forgetting any other gives back as little as possible. To have a key
//! forgotten that owes something, one has to make ninety thousand keys that owe more at that time;
//! of the same rate, keys that were asked once only push out what is nearly whole. Refusing new
//! keys instead would lock out everybody who comes after an attacker. A tenth at a time makes the
//! search for them cheap on average.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::gcra::{Gcra, bounded};
use super::{Decision, Limiter, Rate};
use crate::clock::Clock;

/// Keys that are known at once. With all it needs, a key takes less than 200 bytes.
const CAPACITY: usize = 100_000;

/// When each key is whole, in microseconds since 1970.
type Keys = HashMap<String, i64>;

/// A limiter that lives and dies with its process.
#[derive(Debug)]
pub struct Memory {
    clock: Arc<dyn Clock>,
    keys: Mutex<Keys>,
}

impl Memory {
    /// A limiter for which time passes by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            keys: Mutex::default(),
        }
    }

    /// Counts without waiting for anything.
    pub(super) fn count_now(&self, key: &str, gcra: Gcra) -> Decision {
        let key = bounded(key);
        let mut keys = self.keys();
        let now = self.clock.now().timestamp_micros();
        let known = keys.get_mut(&*key);
        let debt = known.as_ref().map_or(0, |whole_at| **whole_at - now);
        let (allowed, debt) = gcra.count(debt);
        if let Some(whole_at) = known {
            *whole_at = now + debt;
        } else {
            if keys.len() >= CAPACITY {
                forget_some(&mut keys);
            }
            keys.insert(key.into_owned(), now + debt);
        }
        gcra.decision(allowed, debt)
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets the tenth that is nearest to being whole, or is.
fn forget_some(keys: &mut Keys) {
    let mut excess = (keys.len() / 10).max(1);
    let mut times: Vec<i64> = keys.values().copied().collect();
    let (earlier, latest, _) = times.select_nth_unstable(excess - 1);
    let latest = *latest;
    // Of those that are whole at the very same time, only so many go as have to.
    excess -= earlier
        .iter()
        .filter(|whole_at| **whole_at < latest)
        .count();
    keys.retain(|_, whole_at| match (*whole_at).cmp(&latest) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal if excess > 0 => {
            excess -= 1;
            false
        }
        std::cmp::Ordering::Equal | std::cmp::Ordering::Greater => true,
    });
}

#[async_trait]
impl Limiter for Memory {
    async fn count(&self, key: &str, rate: Rate) -> Decision {
        Gcra::of(rate).map_or(Decision::UNLIMITED, |gcra| self.count_now(key, gcra))
    }

    async fn forget(&self, key: &str) {
        self.keys().remove(&*bounded(key));
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::clock::Manual;

    const RATE: Rate = Rate::per_minute(2);

    async fn invent(limiter: &Memory, keys: usize) {
        for key in 0..keys {
            assert!(
                limiter
                    .count(&format!("invented {key}"), RATE)
                    .await
                    .allowed,
                "an unknown key is never locked out"
            );
        }
    }

    #[tokio::test]
    async fn invented_keys_neither_grow_it_without_bound_nor_free_the_one_who_used_it_up() {
        let limiter = Memory::new(Arc::new(Manual::new()));
        limiter.count("patient", RATE).await;
        while limiter.count("greedy", RATE).await.allowed {}
        invent(&limiter, 3 * CAPACITY).await;
        assert!(limiter.keys().len() <= CAPACITY);
        assert!(
            !limiter.count("greedy", RATE).await.allowed,
            "it owes more than any that was invented"
        );
    }

    #[tokio::test]
    async fn keys_that_are_whole_go_first_and_the_others_stay() {
        let clock = Arc::new(Manual::new());
        let limiter = Memory::new(clock.clone());
        invent(&limiter, CAPACITY / 10).await;
        clock.advance(TimeDelta::seconds(40));
        for key in 0..=9 * CAPACITY / 10 {
            limiter.count(&format!("recent {key}"), RATE).await;
        }
        let keys = limiter.keys();
        assert_eq!(keys.len(), 9 * CAPACITY / 10 + 1, "a tenth was forgotten");
        assert!(
            keys.keys().all(|key| key.starts_with("recent")),
            "all of it was whole"
        );
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_locks_nobody_out() {
        let clock = Arc::new(Manual::new());
        let limiter = Memory::new(clock.clone());
        while limiter.count("key", RATE).await.allowed {}
        clock.advance(TimeDelta::days(-1));
        let retry_after = limiter.count("key", RATE).await.retry_after;
        clock.advance(TimeDelta::from_std(retry_after).unwrap());
        assert!(limiter.count("key", RATE).await.allowed);
    }
}
