//! Waiting for a job to change: long polls and event streams.
//!
//! The store is polled, because the worker may be on any machine. The first polls follow each other
//! within milliseconds, for short jobs; later ones come every quarter of a second.

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use tars_shared::job::Job;
use tokio::sync::mpsc;
use tokio::time::Instant;
use uuid::Uuid;
use warp::http::StatusCode;

use crate::accepted_job::AcceptedJob;
use crate::context::Context;
use crate::deadline::within;
use crate::pending_inserts::Known;
use crate::problem::Problem;

const MIN_POLL_INTERVAL: Duration = Duration::from_millis(5);
const MAX_POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Loads one job again and again.
pub(crate) struct JobWatcher {
    context: Arc<Context>,
    id: Uuid,
    interval: Duration,
}

impl JobWatcher {
    pub(crate) fn new(context: &Arc<Context>, id: Uuid) -> Self {
        Self {
            context: context.clone(),
            id,
            interval: MIN_POLL_INTERVAL,
        }
    }

    pub(crate) async fn load(&self) -> Result<Job, Problem> {
        let (jobs, id) = (self.context.services.store.jobs.clone(), self.id);
        match within(async move { jobs.find(id).await }).await {
            Ok(Some(job)) => Ok(job),
            Ok(None) => match self.without_row().await {
                Known::Accepted(job) => Ok(job.queued()),
                Known::Perhaps => Err(Problem::unavailable()),
                Known::Nothing => Err(no_job(id)),
            },
            Err(problem) => {
                if problem.status() == StatusCode::SERVICE_UNAVAILABLE {
                    self.context.pending_inserts.note_outage();
                }
                Err(problem)
            }
        }
    }

    /// What to answer where the store has no row to act on: 404 only for a job that nobody can
    /// have accepted.
    pub(crate) async fn no_row(&self) -> Problem {
        match self.without_row().await {
            Known::Accepted(_) | Known::Perhaps => Problem::unavailable(),
            Known::Nothing => no_job(self.id),
        }
    }

    /// What is known of the job without its row: here, and by the other API processes if they
    /// share a cache with this one.
    async fn without_row(&self) -> Known {
        match self.context.pending_inserts.find(self.id) {
            known @ Known::Accepted(_) => known,
            known => AcceptedJob::find(&*self.context.services.cache, self.id)
                .await
                .map_or(known, |job| Known::Accepted(Box::new(job))),
        }
    }

    /// The job as soon as it has ended, or as it is after `limit`, or when the service shuts
    /// down.
    pub(crate) async fn wait(mut self, limit: Duration) -> Result<Job, Problem> {
        let deadline = Instant::now() + limit;
        loop {
            let job = self.load().await?;
            if job.status.is_terminal() || !self.pause(deadline).await {
                return Ok(job);
            }
        }
    }

    /// The job now and after every change, up to its end or the service's.
    pub(crate) fn changes(mut self, first: Job) -> impl Stream<Item = Job> + Send + Sync {
        let (sender, mut receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut seen = first;
            // A send fails once the client has gone.
            while sender.send(seen.clone()).await.is_ok() && !seen.status.is_terminal() {
                let change = tokio::select! {
                    change = self.change(&seen) => change,
                    // Nobody listens any more.
                    () = sender.closed() => None,
                };
                let Some(job) = change else { return };
                seen = job;
            }
        });
        futures_util::stream::poll_fn(move |context| receiver.poll_recv(context))
    }

    /// The job as soon as it differs from `seen`; `None` when the service ends.
    async fn change(&mut self, seen: &Job) -> Option<Job> {
        self.interval = MIN_POLL_INTERVAL;
        while self.pause(Instant::now() + MAX_POLL_INTERVAL).await {
            // A store that is away for a moment does not end the stream.
            if let Ok(job) = self.load().await
                && job != *seen
            {
                return Some(job);
            }
        }
        None
    }

    /// Waits a little, longer each time. False: the deadline or the service's end has come.
    async fn pause(&mut self, deadline: Instant) -> bool {
        let interval = self
            .interval
            .min(deadline.saturating_duration_since(Instant::now()));
        self.interval = (self.interval * 2).min(MAX_POLL_INTERVAL);
        if interval.is_zero() {
            return false;
        }
        tokio::select! {
            () = tokio::time::sleep(interval) => true,
            () = self.context.shutdown.cancelled() => false,
        }
    }
}

fn no_job(id: Uuid) -> Problem {
    Problem::not_found(format!("there is no job {id}"))
}
