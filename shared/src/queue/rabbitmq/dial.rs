//! One attempt at a connection, which ends in time whatever the other side does.

use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::tcp::AMQPUriTcpExt as _;
use lapin::{AsyncTcpStream, Connection, ConnectionProperties, ErrorKind, runtime};

use super::address::Address;

/// How long a connection may take, TCP and handshake together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Why there is no connection.
#[derive(Debug, Clone)]
pub(super) enum ConnectError {
    /// Nobody answers; that may pass.
    Unreachable(String),
    /// The broker answers and refuses; somebody has to mend the configuration.
    Refused(String),
}

impl ConnectError {
    /// Sorts what the driver reports.
    pub(super) fn of(error: &lapin::Error) -> Self {
        let ErrorKind::ProtocolError(protocol) = error.kind() else {
            return Self::Unreachable(error.to_string());
        };
        let said = protocol.get_message();
        match protocol.kind() {
            AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => {
                Self::Refused(format!("access is refused: {said}"))
            }
            AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => {
                Self::Refused(format!("the virtual host is refused: {said}"))
            }
            AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) => Self::Refused(format!(
                "what is declared there differs from what this version declares: {said}"
            )),
            _ => Self::Unreachable(error.to_string()),
        }
    }

    /// The same, with the place where it happened.
    pub(super) fn at(self, address: &Address) -> Self {
        match self {
            Self::Unreachable(reason) => Self::Unreachable(format!("{address}: {reason}")),
            Self::Refused(reason) => Self::Refused(format!("{address}: {reason}")),
        }
    }

    /// What to tell a person.
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Unreachable(reason) | Self::Refused(reason) => reason,
        }
    }
}

/// Connects, or says why not.
pub(super) async fn dial(
    address: &Address,
    name: &'static str,
) -> Result<Connection, ConnectError> {
    // The driver waits for a silent broker's greeting for ever, in a thread of its own that nothing
    // ends but the end of its socket: a second handle on the socket is kept until the greeting is
    // over.
    let socket = Arc::new(Mutex::new(None::<TcpStream>));
    let kept = socket.clone();
    let runtime = runtime::default_runtime().map_err(|error| ConnectError::of(&error))?;
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let greeting = Connection::connector(
        address.uri(),
        runtime,
        async move |uri, runtime| {
            let connecting = tokio::time::timeout(CONNECT_TIMEOUT, uri.connect_async(&runtime));
            let stream = connecting.await.map_err(std::io::Error::from)??;
            if let AsyncTcpStream::Plain(tcp) = &stream {
                let second = tcp.get_ref().as_fd().try_clone_to_owned()?;
                *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(second.into());
            }
            Ok(stream)
        },
        properties,
    );
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, greeting).await;
    let socket = socket.lock().unwrap_or_else(PoisonError::into_inner).take();
    connected.map_or_else(
        |_| {
            // Whatever it answers, the thread is free.
            drop(socket.map(|socket| socket.shutdown(Shutdown::Both)));
            Err(ConnectError::Unreachable(format!(
                "no answer within {CONNECT_TIMEOUT:?}"
            )))
        },
        |connected| connected.map_err(|error| ConnectError::of(&error)),
    )
}
