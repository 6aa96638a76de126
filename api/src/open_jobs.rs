//! How many jobs a submitter has open, and that it has not too many.
//!
//! The store counts them; this process asks it once a second at most for each submitter who submits,
//! and adds what it lets in itself meanwhile. So it never lets in too many by itself; what other
//! processes let in is seen with the next answer.

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
    submitters: Arc<Mutex<Submitters>>,
}

/// By their names.
type Submitters = HashMap<String, Submitter>;

/// How far what is known of a submitter may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Knowledge {
    New,
    /// It may count jobs twice: some were being recorded when the store counted.
    Uncertain,
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
    /// Let in since then, or just before: the store may not have counted these.
    let_in: u64,
    /// Of those that were let in at any time, the ones that are not recorded yet.
    unrecorded: u64,
    /// Of those that were let in, the ones that the store may have counted too.
    uncertain: u64,
    /// Held by whoever asks.
    asking: Arc<tokio::sync::Mutex<()>>,
}

impl Submitter {
    fn is_known(&self) -> bool {
        self.asked_at.is_some_and(|at| at.elapsed() < BELIEVED)
    }

    fn knowledge(&self) -> Knowledge {
        if self.is_known() && self.uncertain > 0 {
            Knowledge::Uncertain
        } else if self.is_known() {
            Knowledge::New
        } else if self.asking.try_lock().is_err() {
            Knowledge::Awaited
        } else {
            Knowledge::Old
        }
    }

    /// Whether the store could not count a moment ago.
    fn is_uncounted(&self) -> bool {
        self.is_known() && self.counted.is_none()
    }

    /// How many are open, as far as is known.
    fn open(&self) -> u64 {
        self.counted.unwrap_or(0) + self.let_in
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
    pub(crate) async fn admit(&self, submissions: &[Submission]) -> Result<Admission, Problem> {
        let Some(first) = submissions.first().filter(|_| self.limit > 0) else {
            return Ok(Admission(None));
        };
        let (subject, jobs) = (&first.subject, submissions.len() as u64);
        let (room, knowledge) = self.let_in(subject, jobs);
        let admitted = || {
            Admission(Some(Admitted {
                submitters: self.submitters.clone(),
                subject: subject.clone(),
                jobs,
            }))
        };
        if room.is_ok() {
            if knowledge == Knowledge::Old {
                // Nobody waits for an answer that will hardly turn them away.
                let (asking, subject) = (self.clone(), subject.clone());
                tokio::spawn(async move { asking.ask(&subject).await });
            }
            return Ok(admitted());
        }
        let room = if knowledge == Knowledge::New {
            room
        } else {
            self.ask(subject).await;
            self.let_in(subject, jobs).0
        };
        match room {
            Ok(()) => Ok(admitted()),
            Err(_) if self.are_known(submissions).await => Ok(Admission(None)),
            Err(open) => Err(Problem::too_many_open_jobs(open, self.limit, jobs)),
        }
    }

    /// Counts these jobs in, or says how many are open; and how far that may be believed.
    fn let_in(&self, subject: &str, jobs: u64) -> (Result<(), u64>, Knowledge) {
        let mut submitters = self.submitters();
        if submitters.len() >= CAPACITY && !submitters.contains_key(subject) {
            submitters.retain(|_, submitter| submitter.is_known() || submitter.unrecorded > 0);
        }
        let submitter = submitters.entry(subject.to_owned()).or_default();
        let open = submitter.open();
        let room = if open.saturating_add(jobs) > self.limit && !submitter.is_uncounted() {
            Err(open)
        } else {
            submitter.let_in += jobs;
            submitter.unrecorded += jobs;
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
        let (recorded, uncertain) = match self.submitters().get(subject) {
            Some(submitter) if submitter.knowledge() != Knowledge::New => {
                let recorded = submitter.let_in.saturating_sub(submitter.unrecorded);
                (recorded, submitter.let_in - recorded)
            }
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
            submitter.asked_at = Some(asked_at);
            submitter.counted = counted.ok();
            submitter.uncertain = uncertain;
            submitter.let_in = match submitter.counted {
                // What was not recorded before may or may not have been counted.
                Some(_) => submitter.let_in.saturating_sub(recorded),
                None => 0,
            };
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

    fn submitters(&self) -> MutexGuard<'_, Submitters> {
        entries(&self.submitters)
    }
}

fn entries(submitters: &Mutex<Submitters>) -> MutexGuard<'_, Submitters> {
    // Every critical section leaves whole entries behind.
    submitters.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Jobs that were let in, until they are recorded, or known not to be.
#[derive(Debug)]
pub(crate) struct Admission(Option<Admitted>);

#[derive(Debug)]
struct Admitted {
    submitters: Arc<Mutex<Submitters>>,
    subject: String,
    jobs: u64,
}

impl Drop for Admission {
    fn drop(&mut self) {
        let Some(admitted) = &self.0 else { return };
        if let Some(submitter) = entries(&admitted.submitters).get_mut(&admitted.subject) {
            submitter.unrecorded = submitter.unrecorded.saturating_sub(admitted.jobs);
        }
    }
}
