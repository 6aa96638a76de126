//! The in-process queue: three lanes by priority, and timers for delayed messages.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;
use uuid::Uuid;

use super::{Acker, Consumer, DeadConsumer, Delivery, Error, Queue, RetryTier};
use crate::clock::{Clock as _, System};
use crate::request::Priority;
use crate::submission::Submission;

/// Messages of one priority that may wait. A policy inside a message can take a quarter of a
/// megabyte; jobs beyond these wait in the store, where the dispatcher finds them.
const CAPACITY: usize = 1000;

/// A queue that lives and dies with its process.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Indexed by [`Priority`].
    lanes: Mutex<[VecDeque<Message>; 3]>,
    arrived: Notify,
}

#[derive(Debug)]
struct Message {
    submission: Arc<Submission>,
    id: Uuid,
}

impl Shared {
    fn lanes(&self) -> MutexGuard<'_, [VecDeque<Message>; 3]> {
        // Every critical section is one push or pop, so a poisoned lock still guards whole lanes.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, submission: Submission) {
        let lane = submission.request.parameters.priority as usize;
        self.lanes()[lane].push_back(Message {
            submission: Arc::new(submission),
            id: System.new_id(),
        });
        self.arrived.notify_one();
    }

    /// What was delivered once is older than all that waits.
    fn push_front(&self, message: Message) {
        let lane = message.submission.request.parameters.priority as usize;
        self.lanes()[lane].push_front(message);
        self.arrived.notify_one();
    }

    fn take(&self) -> Option<Message> {
        self.lanes().iter_mut().find_map(VecDeque::pop_front)
    }
}

#[async_trait]
impl Queue for Memory {
    async fn publish(&self, submission: &Submission) -> Result<(), Error> {
        let priority = submission.request.parameters.priority;
        if self.0.lanes()[priority as usize].len() >= CAPACITY {
            return Err(Error::Unavailable(format!(
                "{CAPACITY} messages of {priority} priority wait already"
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

    async fn depths(&self) -> Result<Vec<(Priority, u64)>, Error> {
        let lanes = self.0.lanes();
        Ok(Priority::ALL
            .iter()
            .map(|&priority| (priority, lanes[priority as usize].len() as u64))
            .collect())
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
            if let Some(message) = self.shared.take() {
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
