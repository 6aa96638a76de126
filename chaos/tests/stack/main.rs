//! What a stack promises to the tests that use it.
#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

mod amqp;
// Tests run in the order of their names, so that the longest begins first.
mod broker;
mod owner;
mod postgres;
mod process;
mod proxy;
mod redis;
mod traces;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use tars_chaos::{Part, Server, eventually};

/// Far above what anything takes on a busy machine, so that only a real failure meets it.
const LIMIT: Duration = Duration::from_secs(20);

/// Long enough for a server that runs to answer, short enough to wait for in vain.
const READ_TIMEOUT: Duration = Duration::from_millis(300);

fn refuses_connections(address: &str) -> bool {
    eventually(
        LIMIT,
        || matches!(TcpStream::connect(address), Err(error) if error.kind() == ErrorKind::ConnectionRefused),
    )
}

/// A frozen server takes the connection and the greeting, and answers when it is thawed.
fn freeze_silences<S: Server>(part: &Part<S>, greeting: &[u8]) {
    part.freeze().unwrap();
    let mut stream = TcpStream::connect(part.address()).unwrap();
    stream.write_all(greeting).unwrap();
    stream.set_read_timeout(Some(READ_TIMEOUT)).unwrap();
    let silence = stream.read(&mut [0; 1]).unwrap_err();
    assert_eq!(
        silence.kind(),
        ErrorKind::WouldBlock,
        "a frozen server answers nothing"
    );
    assert!(part.is_running(), "frozen is not dead");

    part.thaw().unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    assert_eq!(
        stream.read(&mut [0; 1]).unwrap(),
        1,
        "what was asked before is answered after the thaw"
    );
}
