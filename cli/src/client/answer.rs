//! What the service answered.

use reqwest::StatusCode;
use serde::de::DeserializeOwned;

use super::{Error, Server};

/// A successful answer.
#[derive(Debug)]
pub(crate) struct Answer {
    server: Server,
    status: StatusCode,
    body: Vec<u8>,
}

impl Answer {
    pub(super) fn new(server: &Server, status: StatusCode, body: Vec<u8>) -> Self {
        Self {
            server: server.clone(),
            status,
            body,
        }
    }

    /// Its status, a success.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The JSON in it.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| Error::Strange {
            server: Box::new(self.server.clone()),
            reason: format!("its answer cannot be read: {error}"),
        })
    }

    /// The JSON as it came, on one line.
    pub(crate) fn json(&self) -> String {
        format!("{}\n", String::from_utf8_lossy(&self.body).trim_end())
    }
}
