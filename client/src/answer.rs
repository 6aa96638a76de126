//! What the service answered.

use std::borrow::Cow;

use reqwest::StatusCode;
use serde::de::DeserializeOwned;

use crate::address::Address;
use crate::error::Error;

/// A successful answer.
#[derive(Debug)]
pub struct Answer {
    address: Address,
    status: StatusCode,
    body: Vec<u8>,
}

impl Answer {
    pub(crate) fn new(address: &Address, status: StatusCode, body: Vec<u8>) -> Self {
        Self {
            address: address.clone(),
            status,
            body,
        }
    }

    /// Its status, a success.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The JSON in it.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| Error::unreadable(&self.address, &error))
    }

    /// The text as it came.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The JSON as it came, on one line.
    pub fn json(&self) -> String {
        format!("{}\n", self.text().trim_end())
    }
}
