//! What the network between a proxy's two sides does at the moment, and the connections over it.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Passing,
    Stalled,
    Cut,
    Ended,
}

#[derive(Debug, Default)]
struct State {
    mode: Mode,
    next: u64,
    /// Connections before this one pass nothing any more.
    stranded: u64,
    /// Both ends of each connection, to close them.
    open: HashMap<u64, Vec<TcpStream>>,
}

#[derive(Debug, Default)]
pub(super) struct Network {
    state: Mutex<State>,
    changed: Condvar,
}

impl Network {
    pub(super) fn cut(&self) {
        self.close(Mode::Cut);
    }

    pub(super) fn stall(&self) {
        self.set(Mode::Stalled);
    }

    pub(super) fn heal(&self) {
        self.set(Mode::Passing);
    }

    pub(super) fn strand(&self) {
        let mut state = self.state();
        state.stranded = state.next;
        state.mode = Mode::Passing;
        drop(state);
        self.changed.notify_all();
    }

    pub(super) fn end(&self) {
        self.close(Mode::Ended);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.state().mode == Mode::Ended
    }

    pub(super) fn connections(&self) -> usize {
        self.state().open.len()
    }

    /// Takes part in a new connection, unless the network is cut. Deciding and registering are one
    /// step, so that no connection slips past a cut.
    pub(super) fn admit(self: &Arc<Self>, client: TcpStream) -> Option<Connection> {
        let mut state = self.state();
        if matches!(state.mode, Mode::Cut | Mode::Ended) {
            return None;
        }
        let id = state.next;
        state.next += 1;
        state.open.insert(id, vec![client.try_clone().ok()?]);
        Some(Connection {
            id,
            client,
            network: self.clone(),
        })
    }

    fn set(&self, mode: Mode) {
        self.state().mode = mode;
        self.changed.notify_all();
    }

    fn close(&self, mode: Mode) {
        let mut state = self.state();
        state.mode = mode;
        for stream in state.open.values().flatten() {
            // One that is closed already is as wanted.
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection from a client, and from the moment of [`join`](Self::join) to the server.
pub(super) struct Connection {
    id: u64,
    client: TcpStream,
    network: Arc<Network>,
}

impl Connection {
    /// Waits until bytes may pass; an error once they never will.
    pub(super) fn passage(&self) -> io::Result<()> {
        let Network { state, changed } = &*self.network;
        let held = |state: &mut State| match state.mode {
            Mode::Stalled => true,
            Mode::Passing => self.id < state.stranded,
            Mode::Cut | Mode::Ended => false,
        };
        let waiting =
            changed.wait_while(state.lock().unwrap_or_else(PoisonError::into_inner), held);
        match waiting.unwrap_or_else(PoisonError::into_inner).mode {
            Mode::Passing => Ok(()),
            Mode::Stalled | Mode::Cut | Mode::Ended => Err(ErrorKind::ConnectionAborted.into()),
        }
    }

    pub(super) fn client(&self) -> &TcpStream {
        &self.client
    }

    /// Adds the server's end, unless the network has been cut in the meantime.
    pub(super) fn join(&self, server: TcpStream) -> io::Result<TcpStream> {
        let mut state = self.network.state();
        if matches!(state.mode, Mode::Cut | Mode::Ended) {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        state
            .open
            .entry(self.id)
            .or_default()
            .push(server.try_clone()?);
        Ok(server)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.network.state().open.remove(&self.id);
    }
}
