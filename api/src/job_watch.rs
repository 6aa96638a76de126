//! The one watch of a process over jobs: all its long polls and event streams wait here, and one
//! task asks the store for all of their jobs in one call.
//!
//! The store is polled, because the worker may be on any machine. The first looks at a job follow
//! each other within milliseconds, for short jobs; later ones come every quarter of a second.
//! Whatever comes due or is asked for while a look is under way is part of the next one, so the
//! calls grow with the crowd instead of becoming more. Nobody waits: nothing is asked.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tars_shared::job::{Job, Status};
use tars_shared::store::Error;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const MIN_POLL_INTERVAL: Duration = Duration::from_millis(5);
const MAX_POLL_INTERVAL: Duration = Duration::from_millis(250);

/// What a look at a job found: its row, if it has one and the store answered.
pub(crate) type Found = Result<Option<Arc<Job>>, Error>;

/// The jobs that somebody waits for.
#[derive(Debug, Default)]
pub(crate) struct JobWatch {
    state: Mutex<State>,
    /// Somebody has come.
    woken: Notify,
}

#[derive(Debug, Default)]
struct State {
    jobs: HashMap<Uuid, Watched>,
    /// Looks that have begun.
    looks: u64,
}

#[derive(Debug)]
struct Watched {
    seen: watch::Sender<Seen>,
    /// When it is looked at next. `None`: it has ended, and so never changes.
    due: Option<Instant>,
    interval: Duration,
    /// Somebody came after the last look had begun: what it finds may be older than what they know.
    newcomers: bool,
}

#[derive(Debug, Clone)]
struct Seen {
    look: u64,
    found: Found,
}

impl JobWatch {
    /// Waits for a job. Looks that began before this call count for nothing.
    pub(crate) fn watch(self: &Arc<Self>, id: Uuid) -> Watching {
        let mut state = self.state();
        let from = state.looks + 1;
        let seen = match state.jobs.entry(id) {
            Entry::Occupied(mut entry) => {
                entry.get_mut().welcome();
                entry.get().seen.subscribe()
            }
            Entry::Vacant(entry) => {
                // No look has this number.
                let (look, found) = (0, Ok(None));
                let (seen, receiver) = watch::channel(Seen { look, found });
                entry.insert(Watched {
                    seen,
                    due: Some(Instant::now()),
                    interval: MIN_POLL_INTERVAL,
                    newcomers: true,
                });
                receiver
            }
        };
        drop(state);
        self.woken.notify_one();
        Watching {
            watch: self.clone(),
            id,
            seen,
            from,
        }
    }

    /// Looks, by `find`, at every job that somebody waits for, until `shutdown`. `find` gives those
    /// of these jobs that there are.
    pub(crate) async fn run<F>(&self, find: impl Fn(Vec<Uuid>) -> F, shutdown: CancellationToken)
    where
        F: Future<Output = Result<Vec<Job>, Error>>,
    {
        let looking = async {
            loop {
                self.somebody_is_due().await;
                self.look(&find).await;
            }
        };
        tokio::select! {
            () = looking => {}
            () = shutdown.cancelled() => {}
        }
    }

    async fn somebody_is_due(&self) {
        loop {
            let due = self.next_due();
            let waiting = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = waiting => return,
                () = self.woken.notified() => {}
            }
        }
    }

    fn next_due(&self) -> Option<Instant> {
        self.state().jobs.values().filter_map(|job| job.due).min()
    }

    async fn look<F>(&self, find: &impl Fn(Vec<Uuid>) -> F)
    where
        F: Future<Output = Result<Vec<Job>, Error>>,
    {
        let (look, ids) = self.state().begin_look(Instant::now());
        if ids.is_empty() {
            // Whoever waited has gone.
            return;
        }
        let found = find(ids.clone()).await;
        let mut state = self.state();
        match found {
            Ok(jobs) => {
                let mut jobs: HashMap<Uuid, Job> =
                    jobs.into_iter().map(|job| (job.id, job)).collect();
                for id in ids {
                    let job = jobs.remove(&id).map(Arc::new);
                    state.note(
                        id,
                        Seen {
                            look,
                            found: Ok(job),
                        },
                    );
                }
            }
            Err(error) => {
                for id in ids {
                    let found = Err(error.clone());
                    state.note(id, Seen { look, found });
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The jobs of the next look: those that are due, and those that soon will be.
    fn begin_look(&mut self, now: Instant) -> (u64, Vec<Uuid>) {
        self.looks += 1;
        let soon = now + MIN_POLL_INTERVAL;
        let due = self.jobs.iter_mut().filter_map(|(id, job)| {
            let is_due = job.due.is_some_and(|due| due <= soon);
            is_due.then(|| {
                job.newcomers = false;
                *id
            })
        });
        (self.looks, due.collect())
    }

    /// What was seen of a job, unless nobody waits for it any more.
    fn note(&mut self, id: Uuid, seen: Seen) {
        if let Some(job) = self.jobs.get_mut(&id) {
            job.note(seen, Instant::now());
        }
    }
}

impl Watched {
    fn welcome(&mut self) {
        self.newcomers = true;
        self.interval = MIN_POLL_INTERVAL;
        self.due = Some(Instant::now());
    }

    fn note(&mut self, seen: Seen, now: Instant) {
        let (before, after) = (status(&self.seen.borrow().found), status(&seen.found));
        if before != after {
            // What has just begun may end as soon.
            self.interval = MIN_POLL_INTERVAL;
        }
        self.due = if self.newcomers {
            Some(now)
        } else if after.is_some_and(Status::is_terminal) {
            None
        } else {
            Some(now + self.interval)
        };
        self.interval = (self.interval * 2).min(MAX_POLL_INTERVAL);
        self.seen.send_replace(seen);
    }
}

fn status(found: &Found) -> Option<Status> {
    found.as_ref().ok()?.as_ref().map(|job| job.status)
}

/// One who waits for a job.
#[derive(Debug)]
pub(crate) struct Watching {
    watch: Arc<JobWatch>,
    id: Uuid,
    seen: watch::Receiver<Seen>,
    /// The first look that counts.
    from: u64,
}

impl Watching {
    /// What is found of the job, as soon as it is what is `wanted`. For ever where nobody looks.
    pub(crate) async fn next(&mut self, wanted: impl Fn(&Found) -> bool) -> Found {
        let from = self.from;
        let wanted = |seen: &Seen| seen.look >= from && wanted(&seen.found);
        match self.seen.wait_for(wanted).await {
            Ok(seen) => seen.found.clone(),
            // The sender is there for as long as anybody waits, so this is never said.
            Err(_) => Err(Error::Unavailable("nobody looks at it".to_owned())),
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut state = self.watch.state();
        if let Entry::Occupied(job) = state.jobs.entry(self.id)
            && job.get().seen.receiver_count() <= 1
        {
            job.remove();
        }
    }
}

#[cfg(test)]
mod tests;
