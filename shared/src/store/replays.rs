//! Replays of dead letters, step by step.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::error::Error;
use crate::account::Actor;
use crate::replay::{Item, NewReplay, Outcome, Replay, ReplayState};
use crate::submission::Submission;

/// Replays of dead letters.
#[async_trait]
pub trait Replays: Send + Sync {
    /// Begins a replay of the letters that there are at this moment. The same id gives the same replay.
    async fn begin(&self, replay: &NewReplay, by: &Actor) -> Result<Begun, Error>;

    /// The replay.
    async fn find(&self, id: Uuid) -> Result<Option<Replay>, Error>;

    /// Replays from the newest to the oldest.
    async fn list(
        &self,
        before: Option<(DateTime<Utc>, Uuid)>,
        limit: u32,
    ) -> Result<Vec<Replay>, Error>;

    /// Pauses, resumes, ends or adjusts a replay.
    async fn change(
        &self,
        id: Uuid,
        change: &ReplayChange,
        by: &Actor,
    ) -> Result<Option<ReplayChanged>, Error>;

    /// Its letters in the order of their turn, behind a position.
    async fn items(
        &self,
        id: Uuid,
        outcome: Option<Outcome>,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Item>, Error>;

    /// Takes one step of the replay that waits longest for one: finds some of its letters, sees which of its jobs have
    /// ended, and makes jobs of some more letters, of each letter one in all replays. All of a step is there or nothing.
    /// `None`: no replay waits for a step.
    async fn advance(&self, max_replays: u32) -> Result<Option<Step>, Error>;
}

/// What became of the wish to begin a replay.
#[derive(Debug, Clone, PartialEq)]
pub enum Begun {
    /// It is begun.
    New(Replay),
    /// It was begun before, with the same request.
    Known(Replay),
    /// Its id was used before, for another request.
    Conflict,
}

/// What is changed about a replay.
#[derive(Debug, Clone, PartialEq)]
pub enum ReplayChange {
    /// Nothing more is replayed until it is resumed.
    Pause {
        /// Why.
        reason: Option<String>,
    },
    /// It goes on, whatever failed before.
    Resume,
    /// Nothing more is replayed.
    Cancel,
    /// Another rate, another note.
    Adjust {
        /// Jobs a second; `Some(None)`: as many as there can be.
        rate_per_second: Option<Option<f64>>,
        /// Why, in somebody's words.
        note: Option<String>,
    },
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum ReplayChanged {
    /// It is made, or was made before.
    Made(Box<Replay>),
    /// A replay in this state cannot be changed like that.
    Impossible(ReplayState),
}

/// One step of a replay.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Step {
    /// New jobs, to be published.
    pub jobs: Vec<Submission>,
}
