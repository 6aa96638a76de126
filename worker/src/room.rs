//! Who runs beside whom in this process. A worker that dies takes all its jobs with it; only a job
//! that ran alone can be blamed for that.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// The room that all slots of one worker share.
#[derive(Debug)]
pub(crate) struct Room {
    slots: usize,
    /// Jobs beside others hold it for reading, a job alone for writing. It is fair: one that waits
    /// to be alone is not overtaken for ever.
    occupants: Arc<RwLock<()>>,
}

/// A job's place in the room, for as long as this lives.
#[derive(Debug)]
pub(crate) enum Place {
    /// Other jobs may run beside it.
    Shared { _guard: OwnedRwLockReadGuard<()> },
    /// No other job runs in this process.
    Alone { _guard: OwnedRwLockWriteGuard<()> },
}

impl Place {
    pub(crate) fn is_alone(&self) -> bool {
        matches!(self, Self::Alone { .. })
    }
}

impl Room {
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            slots,
            occupants: Arc::default(),
        }
    }

    /// Any place. Where there is one slot, that is a place alone.
    pub(crate) async fn any(&self) -> Place {
        if self.slots == 1 {
            return self.alone().await;
        }
        Place::Shared {
            _guard: self.occupants.clone().read_owned().await,
        }
    }

    /// A place alone: waits until the jobs that run now are done, and keeps others from beginning.
    pub(crate) async fn alone(&self) -> Place {
        Place::Alone {
            _guard: self.occupants.clone().write_owned().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_alone_has_nobody_beside_it() {
        let room = Room::new(2);
        let (first, second) = (room.any().await, room.any().await);
        assert!(
            !first.is_alone() && !second.is_alone(),
            "two slots run side by side"
        );
        let mut alone = Box::pin(room.alone());
        assert!(
            futures_util::poll!(&mut alone).is_pending(),
            "one waits for the others"
        );
        assert!(
            futures_util::poll!(Box::pin(room.any())).is_pending(),
            "and is not overtaken"
        );
        drop((first, second));
        assert!(alone.await.is_alone());
        assert!(
            !room.any().await.is_alone(),
            "afterwards there is room again"
        );
    }

    #[tokio::test]
    async fn the_only_slot_is_always_alone() {
        assert!(Room::new(1).any().await.is_alone());
    }
}
