//! Jobs of a store that refuses writes or reads, and a queue that outlives its process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use tars_shared::job::{EnvironmentResult, Job, Ledger, Status};
use tars_shared::line::Line;
use tars_shared::queue::{self, Consumer, DeadConsumer, Queue, RetryTier};
use tars_shared::services::Services;
use tars_shared::store::{Cancellation, Error, Inserted, JobFilter, Jobs};
use tars_shared::submission::Submission;
use uuid::Uuid;

/// Jobs behind a switch.
pub(crate) struct FlakyJobs {
    inner: Arc<dyn Jobs>,
    pub(crate) refuses_writes: AtomicBool,
    pub(crate) inserts: AtomicUsize,
    pub(crate) refuses_reads: AtomicBool,
    /// Jobs that were asked for alone, and calls that asked for many.
    pub(crate) finds: AtomicUsize,
    pub(crate) finds_of_many: AtomicUsize,
    /// Jobs complete as soon as their cancellation is requested.
    pub(crate) completes_at_cancel: AtomicBool,
    /// The queue gives no answers.
    pub(crate) queue_is_away: AtomicBool,
}

impl FlakyJobs {
    /// Puts the switch before the jobs of these services, and makes their queue a durable one.
    pub(crate) fn before(services: &mut Services) -> Arc<Self> {
        let flaky = Arc::new(Self {
            inner: services.store.jobs.clone(),
            refuses_writes: AtomicBool::new(false),
            inserts: AtomicUsize::new(0),
            refuses_reads: AtomicBool::new(false),
            finds: AtomicUsize::new(0),
            finds_of_many: AtomicUsize::new(0),
            completes_at_cancel: AtomicBool::new(false),
            queue_is_away: AtomicBool::new(false),
        });
        services.store.jobs = flaky.clone();
        services.queue = Arc::new(Durable {
            inner: services.queue.clone(),
            switch: flaky.clone(),
        });
        flaky
    }

    pub(crate) fn refuse_writes(&self, refuse: bool) {
        self.refuses_writes.store(refuse, Ordering::Relaxed);
    }
}

#[async_trait]
impl Jobs for FlakyJobs {
    async fn insert(&self, submissions: &[Submission]) -> Result<Vec<Inserted>, Error> {
        if self.refuses_writes.load(Ordering::Relaxed) {
            return Err(Error::Unavailable("the disk is full".to_owned()));
        }
        self.inserts.fetch_add(1, Ordering::Relaxed);
        self.inner.insert(submissions).await
    }

    async fn insert_all(
        &self,
        submissions: &[Submission],
    ) -> Result<Vec<Result<Inserted, Error>>, Error> {
        if self.refuses_writes.load(Ordering::Relaxed) {
            return Err(Error::Unavailable("the disk is full".to_owned()));
        }
        self.inserts.fetch_add(1, Ordering::Relaxed);
        self.inner.insert_all(submissions).await
    }

    async fn find(&self, id: Uuid) -> Result<Option<Job>, Error> {
        self.finds.fetch_add(1, Ordering::Relaxed);
        if self.refuses_reads.load(Ordering::Relaxed) {
            return Err(Error::Unavailable("the network is cut".to_owned()));
        }
        let mut job = self.inner.find(id).await?;
        if let Some(job) = &mut job
            && self.completes_at_cancel.load(Ordering::Relaxed)
        {
            job.status = Status::Completed;
        }
        Ok(job)
    }

    async fn find_many(&self, ids: &[Uuid]) -> Result<Vec<Job>, Error> {
        self.finds_of_many.fetch_add(1, Ordering::Relaxed);
        if self.refuses_reads.load(Ordering::Relaxed) {
            return Err(Error::Unavailable("the network is cut".to_owned()));
        }
        self.inner.find_many(ids).await
    }

    async fn submission(&self, id: Uuid) -> Result<Option<Submission>, Error> {
        self.inner.submission(id).await
    }

    async fn results(&self, id: Uuid) -> Result<Vec<EnvironmentResult>, Error> {
        self.inner.results(id).await
    }

    async fn list(&self, filter: &JobFilter, limit: u32) -> Result<Vec<Job>, Error> {
        self.inner.list(filter, limit).await
    }

    async fn cancel(&self, id: Uuid) -> Result<Option<Cancellation>, Error> {
        if self.completes_at_cancel.load(Ordering::Relaxed) {
            return Ok(Some(Cancellation::Requested));
        }
        self.inner.cancel(id).await
    }

    async fn ledger(&self) -> Result<Ledger, Error> {
        self.inner.ledger().await
    }
}

/// A queue that says it is durable.
struct Durable {
    inner: Arc<dyn Queue>,
    switch: Arc<FlakyJobs>,
}

impl Durable {
    fn answering(&self) -> Result<&dyn Queue, queue::Error> {
        if self.switch.queue_is_away.load(Ordering::Relaxed) {
            return Err(queue::Error::Unavailable("the network is cut".to_owned()));
        }
        Ok(&*self.inner)
    }
}

#[async_trait]
impl Queue for Durable {
    async fn publish(&self, submission: &Submission) -> Result<(), queue::Error> {
        self.answering()?.publish(submission).await
    }

    async fn publish_later(
        &self,
        submission: &Submission,
        tier: RetryTier,
    ) -> Result<(), queue::Error> {
        self.answering()?.publish_later(submission, tier).await
    }

    async fn consume(&self) -> Result<Box<dyn Consumer>, queue::Error> {
        self.answering()?.consume().await
    }

    async fn consume_dead(&self) -> Result<Option<Box<dyn DeadConsumer>>, queue::Error> {
        self.answering()?.consume_dead().await
    }

    async fn depths(&self) -> Result<Vec<(Line, u64)>, queue::Error> {
        self.answering()?.depths().await
    }

    fn is_durable(&self) -> bool {
        true
    }
}
