//! What was submitted and what the service promised, kept outside of it. That of `tars-chaos`
//! keeps each request's body and hands out copies; this one holds some hundred thousand.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// Recent enough for somebody to ask for it.
const RECENT: usize = 1000;

/// What is known of one submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was sent, and no answer came: it may or may not be accepted.
    Unknown,
    /// It was answered, and not with 202: there must be no job.
    Refused,
    /// It was answered with 202 for this job.
    Accepted(Uuid),
}

/// Every submission of a run by its number, written down before it is sent.
#[derive(Debug)]
pub(crate) struct Ledger {
    run: Uuid,
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    fates: BTreeMap<u64, Fate>,
    /// In the order of their acceptance.
    accepted: Vec<Uuid>,
}

impl Ledger {
    pub(crate) fn open(run: Uuid) -> Self {
        Self {
            run,
            pages: Mutex::default(),
        }
    }

    /// Of this run; its jobs carry it as a label.
    pub(crate) fn run(&self) -> Uuid {
        self.run
    }

    /// Writes a submission down before it is sent; gives its key.
    pub(crate) fn note_sent(&self, number: u64) -> String {
        self.pages().fates.entry(number).or_insert(Fate::Unknown);
        format!("{}-{number}", self.run)
    }

    /// Notes the answer. A promise stands, whatever a repetition is answered; a refusal may have
    /// been for want of patience only, so that a repetition may still be accepted.
    pub(crate) fn note(&self, number: u64, fate: Fate) {
        let mut pages = self.pages();
        if let Some(Fate::Accepted(_)) = pages.fates.get(&number) {
            return;
        }
        if let Fate::Accepted(job) = fate {
            pages.accepted.push(job);
        }
        pages.fates.insert(number, fate);
    }

    /// A job that was accepted a moment ago.
    pub(crate) fn recent(&self, pick: u64) -> Option<Uuid> {
        let pages = self.pages();
        let recent = &pages.accepted[pages.accepted.len().saturating_sub(RECENT)..];
        let index = pick.checked_rem(recent.len() as u64)?;
        recent.get(usize::try_from(index).ok()?).copied()
    }

    /// The numbers of submissions without an answer.
    pub(crate) fn unknown(&self) -> Vec<u64> {
        let pages = self.pages();
        let unknown = pages
            .fates
            .iter()
            .filter(|(_, fate)| **fate == Fate::Unknown);
        unknown.map(|(number, _)| *number).collect()
    }

    /// The jobs that were promised.
    pub(crate) fn accepted(&self) -> Vec<Uuid> {
        self.pages().accepted.clone()
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fate, Ledger};
    use uuid::Uuid;

    #[test]
    fn a_promise_is_not_taken_back() {
        let ledger = Ledger::open(Uuid::nil());
        let key = ledger.note_sent(7);
        assert_eq!(ledger.unknown(), [7]);
        ledger.note(7, Fate::Accepted(Uuid::nil()));
        ledger.note(7, Fate::Refused);
        assert_eq!(
            (ledger.unknown(), ledger.accepted()),
            (vec![], vec![Uuid::nil()])
        );
        assert_eq!(
            ledger.note_sent(7),
            key,
            "the key is the same when it is sent again"
        );
        assert_eq!(ledger.unknown(), Vec::<u64>::new());
    }

    #[test]
    fn nothing_is_recent_before_the_first_acceptance() {
        let ledger = Ledger::open(Uuid::nil());
        assert_eq!(ledger.recent(5), None);
        ledger.note(0, Fate::Accepted(Uuid::max()));
        assert_eq!(ledger.recent(5), Some(Uuid::max()));
    }
}
