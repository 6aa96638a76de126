//! Tokens as attackers make them, and as the service does: HMAC, HKDF and base64 by hand.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use crate::server::JWT_SECRET;

/// The secret of a signing key, as the service derives it.
pub(crate) fn key(kid: Uuid) -> [u8; 32] {
    let mut key = [0; 32];
    let root = hkdf::Hkdf::<Sha256>::new(Some(b"tars-eval-engine/tokens"), JWT_SECRET.as_bytes());
    root.expand(kid.as_bytes(), &mut key).unwrap();
    key
}

pub(crate) fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

pub(crate) fn decode(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// A token with this header and these claims, signed with this key by HS256.
pub(crate) fn signed(header: &Value, claims: &Value, key: &[u8]) -> String {
    let message = format!("{}.{}", encode(header), encode(claims));
    let mac = Hmac::<Sha256>::new_from_slice(key)
        .unwrap()
        .chain_update(&message)
        .finalize();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.into_bytes()))
}

/// The header and claims of a token.
pub(crate) fn parts(token: &str) -> (Value, Value) {
    let mut parts = token.split('.');
    (decode(parts.next().unwrap()), decode(parts.next().unwrap()))
}

/// The id of the key that signed a token.
pub(crate) fn kid(token: &str) -> Uuid {
    parts(token).0["kid"].as_str().unwrap().parse().unwrap()
}

/// A value with one member changed.
pub(crate) fn with(value: &Value, name: &str, member: impl Into<Value>) -> Value {
    let mut changed = value.clone();
    changed[name] = member.into();
    changed
}

/// A value without one member.
pub(crate) fn without(value: &Value, name: &str) -> Value {
    let mut changed = value.clone();
    changed.as_object_mut().unwrap().remove(name);
    changed
}

/// A header as ours are.
pub(crate) fn header(kid: Uuid) -> Value {
    json!({"alg": "HS256", "typ": "at+jwt", "kid": kid})
}
