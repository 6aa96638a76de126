//! The in-process queue: its lines, and timers for delayed messages.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;
use uuid::Uuid;

use super::turns::Turns;
use super::{Acker, Consumer, DeadConsumer, Delivery, Error, Queue, RetryTier};
use crate::clock::{Clock as _, System};
use crate::line::Line;
use crate::submission::Submission;

/// Messages of one priority that may wait. A policy inside a message can take a quarter of a
/// megabyte; jobs beyond these wait in the store, where the dispatcher finds them.
const CAPACITY: usize = 1000;

/// Messages that may wait in each lane all the same: others have filled the priority.
const OWN_CAPACITY: usize = 50;

/// A queue that lives and dies with its process.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: [VecDeque<Message>; Line::COUNT],
    turns: Turns,
}

#[derive(Debug)]
struct Message {
    submission: Arc<Submission>,
    id: Uuid,
}

impl Waiting {
    fn line(&mut self, submission: &Submission) -> &mut VecDeque<Message> {
        &mut self.lines[submission.line().index()]
    }

    fn is_full(&self, line: Line) -> bool {
        let of_priority = Line::all().filter(|one| one.priority == line.priority);
        let waiting: usize = of_priority.map(|one| self.lines[one.index()].len()).sum();
        waiting >= CAPACITY && self.lines[line.index()].len() >= OWN_CAPACITY
    }

    fn take(&mut self) -> Option<Message> {
        let lines = &mut self.lines;
        let turn = self.turns.next(|line| !lines[line.index()].is_empty())?;
        self.turns.take(turn);
        lines[turn.line.index()].pop_front()
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Every critical section is one push or pop, so a poisoned lock still guards whole lines.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, submission: Submission) {
        let message = Message {
            submission: Arc::new(submission),
            id: System.new_id(),
        };
        let mut waiting = self.waiting();
        waiting.line(&message.submission).push_back(message);
        self.arrived.notify_one();
    }

    /// What was delivered once is older than all that waits.
    fn push_front(&self, message: Message) {
        let mut waiting = self.waiting();
        waiting.line(&message.submission).push_front(message);
        self.arrived.notify_one();
    }
}

#[async_trait]
impl Queue for Memory {
    async fn publish(&self, submission: &Submission) -> Result<(), Error> {
        let line = submission.line();
        if self.0.waiting().is_full(line) {
            return Err(Error::Unavailable(format!(
                "{CAPACITY} messages of {} priority wait already",
                line.priority
            )));
        }
        self.0.append(submission.clone());
        Ok(())
    }

    async fn publish_later(&self, submission: &Submission, tier: RetryTier) -> Result<(), Error> {
        let (shared, submission) = (Arc::downgrade(&self.0), submission.clone());
        tokio::spawn(async move {
            tokio::time::sleep(tier.delay()).await;
            if let Some(shared) = shared.upgrade() {
                shared.append(submission);
            }
        });
        Ok(())
    }

    async fn consume(&self) -> Result<Box<dyn Consumer>, Error> {
        Ok(Box::new(MemoryConsumer {
            shared: self.0.clone(),
        }))
    }

    async fn consume_dead(&self) -> Result<Option<Box<dyn DeadConsumer>>, Error> {
        Ok(None)
    }

    async fn depths(&self) -> Result<Vec<(Line, u64)>, Error> {
        let waiting = self.0.waiting();
        let depth = |line: Line| (line, waiting.lines[line.index()].len() as u64);
        Ok(Line::all().map(depth).collect())
    }

    fn is_durable(&self) -> bool {
        false
    }
}

#[derive(Debug)]
struct MemoryConsumer {
    shared: Arc<Shared>,
}

#[async_trait]
impl Consumer for MemoryConsumer {
    async fn next(&mut self) -> Result<Delivery, Error> {
        loop {
            let arrived = self.shared.arrived.notified();
            let message = self.shared.waiting().take();
            if let Some(message) = message {
                // One permit may stand for several arrivals: pass it on while anything is left.
                self.shared.arrived.notify_one();
                let (submission, message_id) = (message.submission.clone(), message.id);
                let acker = Box::new(MemoryAcker {
                    shared: self.shared.clone(),
                    message: Some(message),
                });
                return Ok(Delivery {
                    submission,
                    message_id,
                    acker,
                });
            }
            arrived.await;
        }
    }

    /// Everything is at hand already.
    async fn prefetch(&mut self, _count: u16) -> Result<(), Error> {
        Ok(())
    }
}

#[derive(Debug)]
struct MemoryAcker {
    shared: Arc<Shared>,
    message: Option<Message>,
}

#[async_trait]
impl Acker for MemoryAcker {
    async fn ack(mut self: Box<Self>) -> Result<bool, Error> {
        Ok(self.message.take().is_some())
    }

    async fn requeue(self: Box<Self>) -> Result<bool, Error> {
        // By its end.
        Ok(self.message.is_some())
    }
}

impl Drop for MemoryAcker {
    fn drop(&mut self) {
        if let Some(message) = self.message.take() {
            self.shared.push_front(message);
        }
    }
}
