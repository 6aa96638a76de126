//! What a client saw of the service, written down outside of it.

use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is known of one submission.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// It was sent, and no answer came: it may or may not be accepted.
    Unknown,
    /// It was answered with this status, which is not 202.
    Refused(u16),
    /// It was answered with 202 for this job.
    Accepted(String),
}

/// One submission.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What was asked for.
    pub body: Value,
    /// What became of it.
    pub fate: Fate,
}

/// Every submission of a client by its idempotency key, written before it is sent, and every end of
/// a job that was seen.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Pages>);

#[derive(Debug, Default)]
struct Pages {
    entries: BTreeMap<String, Entry>,
    ends: BTreeMap<String, Value>,
}

impl Ledger {
    /// Writes a submission down before it is sent; gives its key.
    pub fn open(&self, body: &Value) -> String {
        let key = uuid::Uuid::new_v4().to_string();
        self.pages().entries.insert(
            key.clone(),
            Entry {
                body: body.clone(),
                fate: Fate::Unknown,
            },
        );
        key
    }

    /// Notes an answer.
    ///
    /// # Panics
    /// When a key is answered with two jobs, or a promise is taken back: the service broke its
    /// word.
    pub fn note(&self, key: &str, fate: Fate) {
        let mut pages = self.pages();
        let entry = pages
            .entries
            .get_mut(key)
            .expect("a submission is written down before it is sent");
        if let Fate::Accepted(promised) = &entry.fate {
            if let Fate::Accepted(job) = &fate {
                assert_eq!(promised, job, "one key is one job");
            }
            return;
        }
        entry.fate = fate;
    }

    /// Notes how a job looked at its end.
    ///
    /// # Panics
    /// When it looked otherwise before: what has ended never changes.
    pub fn note_end(&self, id: &str, job: &Value) {
        let mut pages = self.pages();
        let seen = pages
            .ends
            .entry(id.to_owned())
            .or_insert_with(|| job.clone());
        assert_eq!(seen, job, "what has ended never changes");
    }

    /// All submissions.
    pub fn entries(&self) -> Vec<(String, Entry)> {
        self.pages()
            .entries
            .iter()
            .map(|(key, entry)| (key.clone(), entry.clone()))
            .collect()
    }

    /// The jobs of all accepted submissions.
    pub fn accepted(&self) -> Vec<String> {
        let accepted = |(_, entry): (String, Entry)| match entry.fate {
            Fate::Accepted(job) => Some(job),
            Fate::Unknown | Fate::Refused(_) => None,
        };
        self.entries().into_iter().filter_map(accepted).collect()
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
