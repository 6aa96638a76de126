//! How many jobs a submitter has open, and that it has not too many.
//!
//! The store counts them; this process asks it once a second at most for each submitter who submits,
//! and adds what it lets in itself meanwhile. What other processes let in is seen with the next
//! answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tars_shared::store::Store;
use tars_shared::submission::Submission;
use tokio::time::Instant;

use crate::deadline::in_time;
use crate::problem::Problem;

/// How long an answer of the store is believed.
const BELIEVED: Duration = Duration::from_secs(1);
/// How long it may take. A store that is slow or away turns nobody away.
const COUNT_TIMEOUT: Duration = Duration::from_millis(200);
/// Submitters that are remembered. Beyond these, those who have not submitted lately are forgotten.
const CAPACITY: usize = 10_000;

#[derive(Debug, Clone)]
pub(crate) struct OpenJobs {
    /// 0: any number.
    limit: u64,
    store: Store,
    submitters: Arc<Mutex<HashMap<String, Submitter>>>,
}

/// How far what is known of a submitter may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Knowledge {
    New,
    /// Somebody is asking the store.
    Awaited,
    Old,
}

/// What is known of a submitter.
#[derive(Debug, Default)]
struct Submitter {
    /// The jobs that were open when the store was last asked; none while it gives no answer.
    counted: Option<u64>,
    asked_at: Option<Instant>,
    /// Let in since then.
    let_in: u64,
    /// Held by whoever asks.
    asking: Arc<tokio::sync::Mutex<()>>,
}

impl Submitter {
    fn is_known(&self) -> bool {
        self.asked_at.is_some_and(|at| at.elapsed() < BELIEVED)
    }

    fn knowledge(&self) -> Knowledge {
        if self.is_known() {
            Knowledge::New
        } else if self.asking.try_lock().is_err() {
            Knowledge::Awaited
        } else {
            Knowledge::Old
        }
    }

    /// How many are open, as far as is known.
    fn open(&self) -> u64 {
        self.counted.map_or(0, |counted| counted + self.let_in)
    }
}

impl OpenJobs {
    pub(crate) fn new(limit: u64, store: &Store) -> Self {
        Self {
            limit,
            store: store.clone(),
            submitters: Arc::default(),
        }
    }

    /// Lets in what one submitter submits, all or none. What is recorded already, and comes again
    /// under its key, is no new job.
    pub(crate) async fn admit(&self, submissions: &[Submission]) -> Result<(), Problem> {
        let Some(first) = submissions.first().filter(|_| self.limit > 0) else {
            return Ok(());
        };
        let (subject, jobs) = (&first.subject, submissions.len() as u64);
        let (room, knowledge) = self.let_in(subject, jobs);
        if room.is_ok() {
            if knowledge == Knowledge::Old {
                // Nobody waits for an answer that will hardly turn them away.
                let (asking, subject) = (self.clone(), subject.clone());
                tokio::spawn(async move { asking.ask(&subject).await });
            }
            return Ok(());
        }
        let room = if knowledge == Knowledge::New {
            room
        } else {
            self.ask(subject).await;
            self.let_in(subject, jobs).0
        };
        match room {
            Err(open) if !self.are_known(submissions).await => {
                Err(Problem::too_many_open_jobs(open, self.limit, jobs))
            }
            _ => Ok(()),
        }
    }

    /// Counts these jobs in, or says how many are open; and how far that may be believed.
    fn let_in(&self, subject: &str, jobs: u64) -> (Result<(), u64>, Knowledge) {
        let mut submitters = self.submitters();
        if submitters.len() >= CAPACITY && !submitters.contains_key(subject) {
            submitters.retain(|_, submitter| submitter.is_known());
        }
        let submitter = submitters.entry(subject.to_owned()).or_default();
        let open = submitter.open();
        let room = if open.saturating_add(jobs) > self.limit {
            Err(open)
        } else {
            submitter.let_in += jobs;
            Ok(())
        };
        (room, submitter.knowledge())
    }

    /// Asks the store, unless somebody else has just done so.
    async fn ask(&self, subject: &str) {
        let asking = match self.submitters().get(subject) {
            Some(submitter) => submitter.asking.clone(),
            None => return,
        };
        let _asking = asking.lock().await;
        let let_in_before = match self.submitters().get(subject) {
            Some(submitter) if !submitter.is_known() => submitter.let_in,
            _ => return,
        };
        let (submitters, name) = (self.store.submitters.clone(), subject.to_owned());
        let asked_at = Instant::now();
        let counted = in_time(
            COUNT_TIMEOUT,
            async move { submitters.open_jobs(&name).await },
        );
        let counted = counted.await;
        if let Some(submitter) = self.submitters().get_mut(subject) {
            submitter.counted = counted.ok();
            submitter.asked_at = Some(asked_at);
            // What was let in meanwhile may or may not be among those that were counted: it counts.
            submitter.let_in = submitter.let_in.saturating_sub(let_in_before);
        }
    }

    /// Whether all of them are recorded already.
    async fn are_known(&self, submissions: &[Submission]) -> bool {
        let jobs = self.store.jobs.clone();
        let ids: Vec<_> = submissions.iter().map(|one| one.job_id).collect();
        let found = in_time(COUNT_TIMEOUT, async move { jobs.find_many(&ids).await });
        found
            .await
            .is_ok_and(|found| found.len() == submissions.len())
    }

    fn submitters(&self) -> MutexGuard<'_, HashMap<String, Submitter>> {
        // Every critical section leaves whole entries behind.
        self.submitters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
