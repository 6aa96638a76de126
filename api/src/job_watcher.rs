//! Looking at one job, and waiting for it to change: long polls and event streams.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use tars_shared::job::Job;
use tars_shared::store::Error;
use tokio::time::{Instant, sleep_until, timeout};
use uuid::Uuid;

use crate::accepted_job::AcceptedJob;
use crate::context::Context;
use crate::deadline::{CALL_TIMEOUT, in_time};
use crate::job_watch::{Found, Watching};
use crate::pending_inserts::Known;
use crate::problem::Problem;

/// A job that was found.
#[derive(Debug, Clone)]
pub(crate) struct Looked {
    pub(crate) job: Job,
    /// Whether it has a row: a job that was accepted by its message alone gets one later.
    pub(crate) is_recorded: bool,
}

/// One job, as a request asks for it.
pub(crate) struct JobWatcher {
    context: Arc<Context>,
    id: Uuid,
}

impl JobWatcher {
    pub(crate) fn new(context: &Arc<Context>, id: Uuid) -> Self {
        Self {
            context: context.clone(),
            id,
        }
    }

    /// The job as it is now.
    pub(crate) async fn load(&self) -> Result<Job, Problem> {
        Ok(self.look().await?.job)
    }

    async fn look(&self) -> Result<Looked, Problem> {
        let (jobs, id) = (self.context.services.store.jobs.clone(), self.id);
        let found = in_time(CALL_TIMEOUT, async move { jobs.find(id).await }).await;
        if matches!(found, Err(Error::Unavailable(_))) {
            self.context.pending_inserts.note_outage();
        }
        self.answer(found).await
    }

    /// What to answer where the store has no row to act on: 404 only for a job that nobody can
    /// have accepted.
    pub(crate) async fn no_row(&self) -> Problem {
        match self.without_row().await {
            Known::Accepted(_) | Known::Perhaps => Problem::unavailable(),
            Known::Nothing => no_job(self.id),
        }
    }

    /// The job that was found, or that is known without its row.
    async fn answer(&self, found: Result<Option<Job>, Error>) -> Result<Looked, Problem> {
        match found? {
            Some(job) => Ok(recorded(job)),
            None => match self.without_row().await {
                Known::Accepted(job) => Ok(Looked {
                    job: job.queued(),
                    is_recorded: false,
                }),
                Known::Perhaps => Err(Problem::unavailable()),
                Known::Nothing => Err(no_job(self.id)),
            },
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
    pub(crate) async fn wait(self, limit: Duration) -> Result<Looked, Problem> {
        if limit.is_zero() {
            return self.look().await;
        }
        let deadline = Instant::now() + limit;
        let mut watching = self.context.job_watch.watch(self.id);
        let first = self.first(&mut watching).await?;
        if first.job.status.is_terminal() {
            return Ok(first);
        }
        let wanted = |found: &Found| match found {
            Ok(Some(job)) => job.status.is_terminal(),
            // It is accepted, as was found out just now: its row will be made.
            Ok(None) => false,
            Err(_) => true,
        };
        tokio::select! {
            found = watching.next(wanted) => self.answer(owned(found)).await,
            () = sleep_until(deadline) => self.look().await,
            () = self.context.shutdown.cancelled() => Ok(first),
        }
    }

    /// The job now and after every change, up to its end or the service's.
    pub(crate) async fn changes(
        self,
    ) -> Result<impl Stream<Item = Looked> + Send + 'static, Problem> {
        let mut watching = self.context.job_watch.watch(self.id);
        let first = self.first(&mut watching).await?;
        let shutdown = self.context.shutdown.clone();
        let later = stream::unfold(
            (watching, first.job.clone()),
            move |(mut watching, seen)| {
                let shutdown = shutdown.clone();
                async move {
                    if seen.status.is_terminal() {
                        return None;
                    }
                    // A store that is away for a moment does not end the stream.
                    let differs = |found: &Found| matches!(found, Ok(Some(job)) if **job != seen);
                    let found = tokio::select! {
                        found = watching.next(differs) => owned(found),
                        () = shutdown.cancelled() => return None,
                    };
                    let job = found.ok()??;
                    Some((recorded(job.clone()), (watching, job)))
                }
            },
        );
        Ok(stream::once(std::future::ready(first)).chain(later))
    }

    /// The job as the first look at it shows it.
    async fn first(&self, watching: &mut Watching) -> Result<Looked, Problem> {
        // A look that is under way comes before the one that counts.
        let looking = timeout(2 * CALL_TIMEOUT, watching.next(|_| true));
        let found = tokio::select! {
            found = looking => found.map_err(|_| Problem::unavailable())?,
            () = self.context.shutdown.cancelled() => return Err(Problem::unavailable()),
        };
        self.answer(owned(found)).await
    }
}

fn recorded(job: Job) -> Looked {
    Looked {
        job,
        is_recorded: true,
    }
}

fn owned(found: Found) -> Result<Option<Job>, Error> {
    Ok(found?.map(Arc::unwrap_or_clone))
}

fn no_job(id: Uuid) -> Problem {
    Problem::not_found(format!("there is no job {id}"))
}
