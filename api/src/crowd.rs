//! Who has how many of something at one time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// How many places each member has.
#[derive(Debug)]
pub(crate) struct Crowd<K>(Mutex<HashMap<K, usize>>);

impl<K> Default for Crowd<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// One place of a member. It is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place<K: Eq + Hash> {
    crowd: Arc<Crowd<K>>,
    member: K,
}

impl<K: Eq + Hash + Clone> Crowd<K> {
    /// Takes a place, if the member has fewer than `most`.
    pub(crate) fn join(self: &Arc<Self>, member: K, most: usize) -> Option<Place<K>> {
        let mut crowd = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = crowd.entry(member.clone()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place {
            crowd: self.clone(),
            member,
        })
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut crowd = self.crowd.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = crowd.get_mut(&self.member) {
            *count -= 1;
            if *count == 0 {
                crowd.remove(&self.member);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_takes_its_share_and_gives_it_back() {
        let crowd = Arc::new(Crowd::default());
        let first = crowd.join("ada", 2).unwrap();
        let _second = crowd.join("ada", 2).unwrap();
        assert!(crowd.join("ada", 2).is_none());
        assert!(crowd.join("grace", 2).is_some());
        drop(first);
        assert!(crowd.join("ada", 2).is_some());
    }
}
