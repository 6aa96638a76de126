//! What ended without a result, and what becomes of it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::error::Error;
use crate::account::Actor;
use crate::dead_letter::{DeadLetter, DeadLetterFilter, Group};
use crate::queue::DeadMessage;
use crate::replay::Selection;
use crate::replay::judging::Candidate;

/// What the queue gave up on.
#[async_trait]
pub trait DeadMessages: Send + Sync {
    /// Records a message that the queue gave up on. A queued job that it stood for is charged an
    /// attempt and waits for a new message, or fails if that was the last one; a job that has ended
    /// or is in a worker's hands is left alone. A message that is no job's is kept. Recording it twice
    /// changes nothing.
    async fn dead_letter(&self, message: &DeadMessage, max_attempts: u32) -> Result<(), Error>;
}

/// Dead letters: jobs that failed for good, and messages that the queue gave up on.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// The dead letter.
    async fn find(&self, id: Uuid) -> Result<Option<DeadLetter>, Error>;

    /// Dead letters from the newest to the oldest, behind the last one seen.
    async fn list(
        &self,
        filter: &DeadLetterFilter,
        before: Option<LetterPosition>,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, Error>;

    /// Groups of letters that are alike, those with the most open letters first.
    async fn groups(&self, limit: u32) -> Result<Vec<Group>, Error>;

    /// Some letters of a selection, with all that decides upon their replay, of those that ended up to a moment.
    async fn candidates(
        &self,
        selection: &Selection,
        until: DateTime<Utc>,
        after: Option<LetterPosition>,
    ) -> Result<Candidates, Error>;

    /// Discards some open letters of a selection, or restores some that were discarded.
    async fn discard(
        &self,
        discarding: &Discarding<'_>,
        after: Option<LetterPosition>,
        by: &Actor,
    ) -> Result<DiscardedChunk, Error>;

    /// Those of these ids that letters have.
    async fn known(&self, ids: &[Uuid]) -> Result<Vec<Uuid>, Error>;

    /// When the oldest open letter ended.
    async fn oldest_open(&self) -> Result<Option<DateTime<Utc>>, Error>;

    /// Gives a fingerprint to letters that an older release wrote without one. Gives their number.
    async fn give_fingerprints(&self) -> Result<u64, Error>;
}

/// Where a dead letter stands: when it ended, and its id.
pub type LetterPosition = (DateTime<Utc>, Uuid);

/// Some letters of a selection.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidates {
    /// The oldest first.
    pub letters: Vec<Candidate>,
    /// Where the next ones begin; none where these were the last.
    pub next: Option<LetterPosition>,
}

/// Which letters are discarded or restored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Discarding<'a> {
    /// Which.
    pub selection: &'a Selection,
    /// Of those that ended up to this moment.
    pub until: DateTime<Utc>,
    /// Whether they are restored rather than discarded.
    pub restore: bool,
    /// Why, in somebody's words.
    pub note: Option<&'a str>,
}

/// How far that has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiscardedChunk {
    /// How many letters were changed.
    pub changed: u64,
    /// Where the next ones begin; none where these were the last.
    pub next: Option<LetterPosition>,
}
