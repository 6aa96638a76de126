//! What waits, as it was seen a moment ago.

use std::time::Duration;

use lapin::Channel;
use tokio::time::Instant;

use super::channel::BROKER_TIMEOUT;
use super::link::with_timeout;
use super::topology;
use crate::line::Line;
use crate::queue::Error;

/// How long it is believed. A more urgent message that comes meanwhile is taken that much later; and
/// jobs that are taken one by one last about as long at least.
const BELIEVED: Duration = Duration::from_millis(100);

/// The messages of each line. Asking each of many queues for a message, most of them in vain, would
/// cost a round trip and an entry in the queue's log each time; counting them all costs one round
/// trip together.
#[derive(Debug)]
pub(super) struct Survey {
    seen_at: Instant,
    waiting: [u32; Line::COUNT],
}

impl Survey {
    /// Counts them.
    pub(super) async fn make(channel: &Channel) -> Result<Self, Error> {
        let waiting = topology::waiting(channel);
        let waiting = with_timeout(BROKER_TIMEOUT, "counting messages", waiting).await?;
        Ok(Self {
            seen_at: Instant::now(),
            waiting,
        })
    }

    /// Whether it may still be believed.
    pub(super) fn is_fresh(&self) -> bool {
        self.seen_at.elapsed() < BELIEVED
    }

    /// Whether messages wait in a line.
    pub(super) fn has(&self, line: Line) -> bool {
        self.waiting[line.index()] > 0
    }

    /// So many are left in a line.
    pub(super) fn note(&mut self, line: Line, left: u32) {
        self.waiting[line.index()] = left;
    }
}
