//! A TCP proxy in front of the service, whose network can be made to fail.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

/// A proxy on a free port. Its threads end with the test's process.
pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    target: String,
    answers_to_lose: u32,
}

impl Proxy {
    /// In front of the service at this URL.
    pub(crate) fn before(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(Mutex::new(State {
            target: host(url),
            answers_to_lose: 0,
        }));
        let proxy = Self {
            address,
            state: state.clone(),
        };
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (target, lose_answer) = {
                    let mut state = lock(&state);
                    let lose_answer = state.answers_to_lose > 0;
                    state.answers_to_lose = state.answers_to_lose.saturating_sub(1);
                    (state.target.clone(), lose_answer)
                };
                // A service that is not there closes the connection, as its absence would.
                if let Ok(service) = TcpStream::connect(target) {
                    thread::spawn(move || join(&connection, &service, lose_answer));
                }
            }
        });
        proxy
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next connections deliver their requests, but not the answers.
    pub(crate) fn lose_answers(&self, connections: u32) {
        lock(&self.state).answers_to_lose = connections;
    }

    /// How many answers are still to be lost.
    pub(crate) fn answers_to_lose(&self) -> u32 {
        lock(&self.state).answers_to_lose
    }

    /// The service is elsewhere now.
    pub(crate) fn retarget(&self, url: &str) {
        lock(&self.state).target = host(url);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state
        .lock()
        .expect("no thread panics while it holds the lock")
}

fn host(url: &str) -> String {
    url.trim_start_matches("http://").to_owned()
}

fn join(client: &TcpStream, service: &TcpStream, lose_answer: bool) {
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ = io::copy(&mut &*client, &mut &*service);
            let _ = service.shutdown(Shutdown::Both);
        });
        if lose_answer {
            // The answer's first byte proves that the request has been carried out.
            let _ = io::Read::read(&mut &*service, &mut [0]);
        } else {
            let _ = io::copy(&mut &*service, &mut &*client);
        }
        let _ = client.shutdown(Shutdown::Both);
    });
}
