//! A submission as an AMQP message, and back.

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::types::AMQPValue;
use uuid::Uuid;

use crate::queue::DeadMessage;
use crate::submission::Submission;

/// The namespace of the ids of messages that came without one.
const MESSAGES: Uuid = Uuid::from_u128(0x7a25_11b7_4f0c_5c58_9d8e_3f5d_8b64_0e02);

/// Written to disk before it is confirmed.
const PERSISTENT: u8 = 2;

/// What goes beside the body. The body alone is what counts; the rest is for whoever looks into a
/// queue.
pub(super) fn properties(message_id: Uuid) -> BasicProperties {
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/json".into())
        .with_message_id(message_id.to_string().into())
        .with_type("submission".into())
        .with_app_id("tars".into())
}

/// The message's id. Another program may have published it without one; then the id derives from
/// the bytes, so that it is the same at each delivery.
pub(super) fn id(properties: &BasicProperties, body: &[u8]) -> Uuid {
    let given = properties
        .message_id()
        .as_ref()
        .and_then(|id| id.as_str().parse().ok());
    given.unwrap_or_else(|| Uuid::new_v5(&MESSAGES, body))
}

/// Reads a body, or says why it cannot be read.
pub(super) fn read(body: &[u8]) -> Result<Submission, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

/// A message from the dead queue.
pub(super) fn dead(properties: &BasicProperties, body: Vec<u8>) -> DeadMessage {
    DeadMessage {
        message_id: id(properties, &body),
        submission: read(&body),
        body: Bytes::from(body),
        reason: reason(properties).unwrap_or("unknown").to_owned(),
    }
}

/// Why the last queue gave it up. `x-death` lists the queues that did, the latest first;
/// `x-first-death-reason` names the first, which for a retry is only the tier where it waited.
fn reason(properties: &BasicProperties) -> Option<&str> {
    let headers = properties.headers().as_ref()?.inner();
    let latest = match headers.get("x-death") {
        Some(AMQPValue::FieldArray(deaths)) => match deaths.as_slice().first() {
            Some(AMQPValue::FieldTable(death)) => death.inner().get("reason"),
            _ => None,
        },
        _ => None,
    };
    match latest.or_else(|| headers.get("x-first-death-reason"))? {
        AMQPValue::LongString(reason) => std::str::from_utf8(reason.as_bytes()).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use lapin::types::FieldTable;

    use super::*;
    use crate::clock::{Clock as _, System};

    #[test]
    fn a_message_keeps_its_id_through_every_delivery() {
        let id_given = System.new_id();
        assert_eq!(id(&properties(id_given), b"body"), id_given);
        let nameless = BasicProperties::default();
        let garbled = BasicProperties::default().with_message_id("17".into());
        assert_eq!(id(&nameless, b"body"), id(&garbled, b"body"));
        assert_ne!(id(&nameless, b"body"), id(&nameless, b"another body"));
    }

    #[test]
    fn the_reason_is_that_of_the_latest_death() {
        let death = |reason: &str| {
            let mut death = FieldTable::default();
            death.insert("reason".into(), AMQPValue::LongString(reason.into()));
            AMQPValue::FieldTable(death)
        };
        let mut headers = FieldTable::default();
        headers.insert(
            "x-first-death-reason".into(),
            AMQPValue::LongString("expired".into()),
        );
        let properties = BasicProperties::default().with_headers(headers.clone());
        assert_eq!(reason(&properties), Some("expired"));
        headers.insert(
            "x-death".into(),
            AMQPValue::FieldArray(vec![death("rejected"), death("expired")].into()),
        );
        assert_eq!(reason(&properties.with_headers(headers)), Some("rejected"));
        assert_eq!(reason(&BasicProperties::default()), None);
    }
}
