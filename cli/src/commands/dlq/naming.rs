//! Ids, paths and commands as they are written.

use uuid::Uuid;

use crate::client::Connection;

/// An id from the command line.
pub(super) fn id(text: &str) -> Result<Uuid, &'static str> {
    Uuid::try_parse(text).map_err(|_| "it must be a full id, as listings show it")
}

/// The path of a replay, or of something that can be done to it.
pub(super) fn replay_path(id: Uuid, action: &str) -> String {
    format!("/v1/dead-letters/replays/{id}{action}")
}

/// How the user would ask this service for something else.
pub(super) fn command(client: &Connection, arguments: &str) -> String {
    format!("tars dlq {arguments}{}", client.server().option())
}
