//! Who has how many of something at one time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// How many places each key has.
#[derive(Debug)]
pub(crate) struct KeyedSemaphore<K>(Mutex<HashMap<K, usize>>);

impl<K> Default for KeyedSemaphore<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// One place of a key. It is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct KeyedPermit<K: Eq + Hash> {
    semaphore: Arc<KeyedSemaphore<K>>,
    key: K,
}

impl<K: Eq + Hash + Clone> KeyedSemaphore<K> {
    /// Takes a place, if the key has fewer than `most`.
    pub(crate) fn try_acquire(self: &Arc<Self>, key: K, most: usize) -> Option<KeyedPermit<K>> {
        let mut semaphore = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = semaphore.entry(key.clone()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(KeyedPermit {
            semaphore: self.clone(),
            key,
        })
    }
}

impl<K: Eq + Hash> Drop for KeyedPermit<K> {
    fn drop(&mut self) {
        let mut semaphore = self
            .semaphore
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = semaphore.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                semaphore.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_takes_its_share_and_gives_it_back() {
        let semaphore = Arc::new(KeyedSemaphore::default());
        let first = semaphore.try_acquire("ada", 2).unwrap();
        let _second = semaphore.try_acquire("ada", 2).unwrap();
        assert!(semaphore.try_acquire("ada", 2).is_none());
        assert!(semaphore.try_acquire("grace", 2).is_some());
        drop(first);
        assert!(semaphore.try_acquire("ada", 2).is_some());
    }
}
