//! Accounts as this process saw them within the last second, so that not every request asks the
//! shared cache.
//!
//! What is remembered here was true at a known moment, and never counts for longer than the cache
//! would let it. The second is how late this process hears, through the cache, of what another one
//! has changed; what is changed here is forgotten at once, even while an older answer is on its way.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use moka::future::Cache;
use uuid::Uuid;

/// How long the shared cache is not asked again.
pub(super) const MAX_AGE: Duration = Duration::from_secs(1);
/// Accounts that are remembered at once; of more, those that are used least are looked up anew.
const CAPACITY: u64 = 10_000;

/// Accounts of one kind.
pub(super) struct AccountMemory<T> {
    kept: Cache<Uuid, Kept<T>>,
    /// How often something was forgotten: an answer that was asked for before that is not kept.
    changes: AtomicU64,
}

#[derive(Clone)]
struct Kept<T> {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    account: T,
}

/// When an account was asked for: what comes of it is as old as that.
pub(super) struct Asked {
    at: DateTime<Utc>,
    changes: u64,
}

impl<T: Clone + Send + Sync + 'static> AccountMemory<T> {
    pub(super) fn new() -> Self {
        Self {
            kept: Cache::new(CAPACITY),
            changes: AtomicU64::new(0),
        }
    }

    /// The account, if it was seen a moment ago.
    pub(super) async fn find(&self, id: Uuid, now: DateTime<Utc>) -> Option<T> {
        let kept = self.kept.get(&id).await?;
        // A clock that was set back must not make it last.
        (kept.from <= now && now < kept.until).then_some(kept.account)
    }

    /// An account is about to be asked for.
    pub(super) fn asking(&self, now: DateTime<Utc>) -> Asked {
        Asked {
            at: now,
            changes: self.changes.load(Ordering::SeqCst),
        }
    }

    /// Keeps what was answered, unless it may have changed since it was asked for. `until`: when it
    /// is too old wherever it is kept.
    pub(super) async fn keep(&self, id: Uuid, asked: Asked, until: DateTime<Utc>, account: T) {
        if self.changes.load(Ordering::SeqCst) != asked.changes {
            return;
        }
        let kept = Kept {
            from: asked.at,
            until: until.min(asked.at + MAX_AGE),
            account,
        };
        self.kept.insert(id, kept).await;
        // Whoever forgot it between the two looks may have done so before it was here.
        if self.changes.load(Ordering::SeqCst) != asked.changes {
            self.kept.invalidate(&id).await;
        }
    }

    pub(super) async fn forget(&self, id: Uuid) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.kept.invalidate(&id).await;
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::milliseconds(milliseconds)
    }

    #[tokio::test]
    async fn what_was_seen_counts_for_a_second_and_never_for_longer_than_elsewhere() {
        let (memory, id) = (AccountMemory::new(), Uuid::nil());
        memory.keep(id, memory.asking(at(0)), at(5000), "ada").await;
        assert_eq!(memory.find(id, at(0)).await, Some("ada"));
        assert_eq!(memory.find(id, at(999)).await, Some("ada"));
        for moment in [1000, 4000, -1] {
            assert_eq!(memory.find(id, at(moment)).await, None, "{moment}");
        }
        memory.keep(id, memory.asking(at(0)), at(300), "ada").await;
        assert_eq!(memory.find(id, at(299)).await, Some("ada"));
        assert_eq!(memory.find(id, at(300)).await, None, "it was old before");
        assert_eq!(memory.find(Uuid::from_u128(1), at(0)).await, None);
    }

    #[tokio::test]
    async fn what_was_forgotten_does_not_come_back_with_an_older_answer() {
        let (memory, id) = (AccountMemory::new(), Uuid::nil());
        memory.keep(id, memory.asking(at(0)), at(5000), "ada").await;
        let asked = memory.asking(at(1));
        memory.forget(id).await;
        assert_eq!(memory.find(id, at(2)).await, None);
        memory.keep(id, asked, at(5000), "ada").await;
        assert_eq!(memory.find(id, at(2)).await, None, "asked for before");
        memory.keep(id, memory.asking(at(3)), at(5000), "ada").await;
        assert_eq!(memory.find(id, at(3)).await, Some("ada"));
    }
}
