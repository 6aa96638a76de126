//! The first two frames of AMQP 0-9-1: the broker's greeting tells the name of its cluster.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A frozen broker must not hang whoever asks it.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Connection.Start is a few hundred bytes.
const LIMIT: u32 = 64 * 1024;

/// What the server at this port says first.
pub(super) fn greeting(port: u16) -> io::Result<Vec<u8>> {
    let mut stream =
        TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(b"AMQP\x00\x00\x09\x01")?;
    // Frame: type (1 octet), channel (2), size (4), then the payload.
    let mut header = [0; 7];
    stream.read_exact(&mut header)?;
    let [_, _, _, size @ ..] = header;
    let mut payload = Vec::new();
    stream
        .take(u64::from(u32::from_be_bytes(size).min(LIMIT)))
        .read_to_end(&mut payload)?;
    Ok(payload)
}

/// Whether a Connection.Start (class 10, method 10) has this cluster name: the key, the type S, a
/// length, the name.
pub(super) fn names_cluster(greeting: &[u8], cluster: &str) -> bool {
    let length = u32::try_from(cluster.len())
        .unwrap_or(u32::MAX)
        .to_be_bytes();
    let entry = [b"\x0ccluster_nameS", length.as_slice(), cluster.as_bytes()].concat();
    greeting.starts_with(&[0, 10, 0, 10])
        && greeting.windows(entry.len()).any(|window| window == entry)
}
