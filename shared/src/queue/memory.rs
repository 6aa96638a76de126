//! The in-process queue: three lanes by priority, and timers for delayed messages.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::{Consumer, DeadConsumer, Delivery, Error, Queue, RetryTier};
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
    lanes: Mutex<[VecDeque<Delivery>; 3]>,
    arrived: Notify,
}

impl Shared {
    fn lanes(&self) -> MutexGuard<'_, [VecDeque<Delivery>; 3]> {
        // Every critical section is one push or pop, so a poisoned lock still guards whole lanes.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, submission: Submission) {
        let lane = submission.request.parameters.priority as usize;
        let message_id = System.new_id();
        self.lanes()[lane].push_back(Delivery {
            submission,
            message_id,
        });
        self.arrived.notify_one();
    }

    /// What was delivered once is older than all that waits.
    fn push_front(&self, delivery: Delivery) {
        let lane = delivery.submission.request.parameters.priority as usize;
        self.lanes()[lane].push_front(delivery);
        self.arrived.notify_one();
    }

    fn take(&self) -> Option<Delivery> {
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
            held: None,
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
    held: Option<Delivery>,
}

#[async_trait]
impl Consumer for MemoryConsumer {
    async fn next(&mut self) -> Result<Delivery, Error> {
        self.requeue().await?;
        loop {
            let arrived = self.shared.arrived.notified();
            if let Some(delivery) = self.shared.take() {
                self.held = Some(delivery.clone());
                // One permit may stand for several arrivals: pass it on while anything is left.
                self.shared.arrived.notify_one();
                return Ok(delivery);
            }
            arrived.await;
        }
    }

    async fn ack(&mut self) -> Result<bool, Error> {
        Ok(self.held.take().is_some())
    }

    async fn requeue(&mut self) -> Result<bool, Error> {
        let held = self.held.take();
        let had = held.is_some();
        if let Some(delivery) = held {
            self.shared.push_front(delivery);
        }
        Ok(had)
    }
}

impl Drop for MemoryConsumer {
    fn drop(&mut self) {
        if let Some(delivery) = self.held.take() {
            self.shared.push_front(delivery);
        }
    }
}
