//! Listings that come in pages.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::address::Address;
use crate::client::Client;
use crate::error::Error;

/// Entries of the largest page that the service gives.
const MAX_PAGE: usize = 200;

/// One page, as it came.
#[derive(Deserialize)]
struct Page {
    items: Vec<Value>,
    next_cursor: Option<String>,
}

/// Entries of one or more pages, as they came.
#[derive(Debug, Serialize)]
pub struct Paged {
    #[serde(skip)]
    address: Address,
    items: Vec<Value>,
    next_cursor: Option<String>,
}

/// What every listing can be asked for.
#[derive(Serialize)]
struct Query<'a, F> {
    #[serde(flatten)]
    filter: &'a F,
    limit: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<&'a str>,
}

impl Paged {
    /// The entries, read as what they are.
    pub fn read<T: DeserializeOwned>(&self) -> Result<Vec<T>, Error> {
        let items: Result<_, _> = self.items.iter().map(T::deserialize).collect();
        items.map_err(|error| Error::unreadable(&self.address, &error))
    }

    /// Whether there is more than was asked for.
    pub fn has_more(&self) -> bool {
        self.next_cursor.is_some()
    }

    /// The entries as the service would have answered them in one page.
    pub fn json(&self) -> String {
        format!("{}\n", json!(self))
    }
}

/// Up to `limit` entries, or all of them, in as few pages as possible. `filter` leaves out what is
/// `None`.
pub async fn pages(
    client: &Client,
    path: &str,
    filter: &impl Serialize,
    limit: Option<usize>,
) -> Result<Paged, Error> {
    let mut all = Paged {
        address: client.address().clone(),
        items: Vec::new(),
        next_cursor: None,
    };
    loop {
        let wanted = limit.map_or(MAX_PAGE, |limit| MAX_PAGE.min(limit - all.items.len()));
        let cursor = all.next_cursor.as_deref();
        let query = Query {
            filter,
            limit: wanted,
            cursor,
        };
        let page: Page = client.get(path, &query).await?.read()?;
        all.items.extend(page.items);
        all.next_cursor = page.next_cursor;
        let enough = limit.is_some_and(|limit| all.items.len() >= limit);
        if enough || all.next_cursor.is_none() {
            return Ok(all);
        }
    }
}
