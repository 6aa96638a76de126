//! Ports that a server can have, lose and take again.

use crate::error::Error;
use std::net::TcpListener;

/// Below Linux's range for outgoing connections (32768 to 60999). A port of that range may be taken
/// by anybody's connection while its server is down, and a client that polls such a port can even
/// connect to itself.
const RANGE: std::ops::Range<u16> = 10_000..32_000;

const ATTEMPTS: u32 = 100;

/// A port of 127.0.0.1 that was free a moment ago. Somebody else may be faster, so that the caller
/// tries again.
pub(crate) fn free() -> Result<u16, Error> {
    let span = u128::from(RANGE.end - RANGE.start);
    (0..ATTEMPTS)
        .filter_map(|_| u16::try_from(uuid::Uuid::new_v4().as_u128() % span).ok())
        .map(|offset| RANGE.start + offset)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .ok_or(Error::Exhausted { what: "free port" })
}
