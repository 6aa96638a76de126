//! Listings in pages: an opaque cursor says where the next page begins.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::query::Query;

/// Entries of a page, unless the client asks for another number.
const DEFAULT_LIMIT: u32 = 50;
/// Entries of the largest page.
const MAX_LIMIT: u32 = 200;

/// A page to be fetched.
pub(crate) struct Page<C> {
    /// Entries on it.
    pub(crate) limit: u32,
    /// The place of the last entry before it.
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

impl<C: DeserializeOwned> Page<C> {
    /// Takes `limit` and `cursor` out of a query.
    pub(crate) fn take(query: &mut Query) -> Result<Self, Problem> {
        let limit = query.take_number("limit", 1..=MAX_LIMIT, DEFAULT_LIMIT)?;
        let cursor: Option<String> = query.take("cursor")?;
        let after = cursor.map(|cursor| {
            let json = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
            // No place has a NUL in it, and not every store can be asked for one.
            if json.contains("\\u0000") { None } else { serde_json::from_str(&json).ok() }
        });
        match after {
            Some(None) => Err(Problem::invalid_field("cursor", "must be the next_cursor of a page")),
            after => Ok(Self { limit, after: after.flatten() }),
        }
    }

    /// One more than the page holds: whether it is there tells whether another page follows.
    pub(crate) fn fetch_limit(&self) -> u32 {
        self.limit + 1
    }
}

impl<T> Listing<T> {
    /// Cuts off the entry beyond the page. `place` gives the cursor of the last entry on it.
    pub(crate) fn new<E, C: Serialize>(
        mut entries: Vec<E>,
        limit: u32,
        place: impl Fn(&E) -> C,
        show: impl Fn(E) -> T,
    ) -> Self {
        let more = entries.len() > limit as usize;
        entries.truncate(limit as usize);
        let last = entries.last().filter(|_| more).map(place);
        let next_cursor =
            last.and_then(|place| serde_json::to_vec(&place).ok()).map(|json| URL_SAFE_NO_PAD.encode(json));
        Self { items: entries.into_iter().map(show).collect(), next_cursor }
    }
}
