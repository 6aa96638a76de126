//! Listings in pages: an opaque cursor says where the next page begins.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Datelike as _, Utc};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tars_engine::policy_file::Algorithm;
use tars_shared::account::Name;
use uuid::Uuid;

use crate::problem::Problem;
use crate::query::Values;

/// Entries of a page, unless the client asks for another number.
const DEFAULT_LIMIT: u32 = 50;

/// A position in a listing, as a cursor holds it. Cursors come from clients, who may have made them
/// up.
pub(crate) trait Position: Serialize + DeserializeOwned {
    /// Whether a listing can have such a position, and every store can be asked for it.
    fn is_possible(&self) -> bool;
}

impl Position for (DateTime<Utc>, Uuid) {
    fn is_possible(&self) -> bool {
        // PostgreSQL's timestamps end before chrono's.
        (1970..10_000).contains(&self.0.year())
    }
}

impl Position for (Algorithm, String, u32) {
    fn is_possible(&self) -> bool {
        !self.1.contains('\0')
    }
}

impl Position for u64 {
    fn is_possible(&self) -> bool {
        true
    }
}

impl Position for Name {
    fn is_possible(&self) -> bool {
        true
    }
}

/// The name of a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WorkerName(pub(crate) String);

impl Position for WorkerName {
    fn is_possible(&self) -> bool {
        !self.0.contains('\0')
    }
}

pub(crate) struct Page<C> {
    pub(crate) limit: u32,
    /// The position of the last entry before it.
    pub(crate) after: Option<C>,
}

/// A page as clients see it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "{T}Listing")]
pub(crate) struct Listing<T> {
    /// The entries.
    pub(crate) items: Vec<T>,
    /// Give it as `cursor` to get the next page; null on the last one.
    pub(crate) next_cursor: Option<String>,
}

impl<C: Position> Page<C> {
    /// The page that `limit` and `cursor` ask for.
    pub(crate) fn of(values: &Values) -> Result<Self, Problem> {
        let limit = values.number("limit", DEFAULT_LIMIT)?;
        let after = values.text("cursor").map(|cursor| {
            let position: C = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
            position.is_possible().then_some(position)
        });
        match after {
            Some(None) => Err(Problem::invalid_field(
                "cursor",
                "must be the next_cursor of a page",
            )),
            after => Ok(Self {
                limit,
                after: after.flatten(),
            }),
        }
    }

    /// One more than the page holds: whether it is there tells whether another page follows.
    pub(crate) fn fetch_limit(&self) -> u32 {
        self.limit + 1
    }
}

impl<T> Listing<T> {
    /// Cuts off the entry beyond the page. `position` gives the cursor of the last entry on it.
    pub(crate) fn new<E, C: Serialize>(
        mut entries: Vec<E>,
        limit: u32,
        position: impl Fn(&E) -> C,
        show: impl Fn(E) -> T,
    ) -> Self {
        let more = entries.len() > limit as usize;
        entries.truncate(limit as usize);
        let last = entries.last().filter(|_| more).map(position);
        let next_cursor = last
            .and_then(|position| serde_json::to_vec(&position).ok())
            .map(|json| URL_SAFE_NO_PAD.encode(json));
        Self {
            items: entries.into_iter().map(show).collect(),
            next_cursor,
        }
    }
}
