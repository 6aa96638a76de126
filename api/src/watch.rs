//! Waiting for a job to change: long polls and event streams.
//!
//! The store is asked, not a process: the worker may be on any machine. Short jobs are seen after
//! milliseconds, long ones cost a query every quarter of a second.

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use tars_shared::job::Job;
use tokio::sync::mpsc;
use tokio::time::Instant;
use uuid::Uuid;

use crate::deadline::within;
use crate::problem::Problem;
use crate::routes::Context;

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Looks at one job again and again.
pub(crate) struct Watch {
    context: Arc<Context>,
    id: Uuid,
    pause: Duration,
}

impl Watch {
    pub(crate) fn new(context: &Arc<Context>, id: Uuid) -> Self {
        Self {
            context: context.clone(),
            id,
            pause: FIRST_PAUSE,
        }
    }

    /// The job now.
    pub(crate) async fn look(&self) -> Result<Job, Problem> {
        let (jobs, id) = (self.context.services.store.jobs.clone(), self.id);
        within(async move { jobs.find(id).await })
            .await?
            .ok_or_else(|| no_job(id))
    }

    /// The job as soon as it has ended, or as it is after `patience`, or when the service shuts
    /// down.
    pub(crate) async fn wait(mut self, patience: Duration) -> Result<Job, Problem> {
        let deadline = Instant::now() + patience;
        loop {
            let job = self.look().await?;
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
        self.pause = FIRST_PAUSE;
        while self.pause(Instant::now() + LONGEST_PAUSE).await {
            // A store that is away for a moment does not end the stream.
            if let Ok(job) = self.look().await
                && job != *seen
            {
                return Some(job);
            }
        }
        None
    }

    /// Waits a little, longer each time. False: the deadline or the service's end has come.
    async fn pause(&mut self, deadline: Instant) -> bool {
        let pause = self
            .pause
            .min(deadline.saturating_duration_since(Instant::now()));
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        if pause.is_zero() {
            return false;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            () = self.context.shutdown.cancelled() => false,
        }
    }
}

/// 404 for a job.
pub(crate) fn no_job(id: Uuid) -> Problem {
    Problem::not_found(format!("there is no job {id}"))
}
