//! A TCP proxy whose network can be made to fail.

mod network;

use crate::error::Error;
use crate::error::doing;
use network::{Connection, Network};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// A proxy on a free port of 127.0.0.1, in front of one server. Passes everything until told
/// otherwise.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    network: Arc<Network>,
    listener: Option<JoinHandle<()>>,
}

impl Proxy {
    /// In front of `host:port`. It connects there anew for each connection, so the server may come
    /// and go.
    pub fn before(target: &str) -> Result<Self, Error> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(doing("listening"))?;
        let address = listener.local_addr().map_err(doing("listening"))?;
        let network = Arc::new(Network::default());
        let listener = thread::spawn({
            let (network, target) = (network.clone(), target.to_owned());
            move || accept(&listener, &network, &target)
        });
        Ok(Self {
            address,
            network,
            listener: Some(listener),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// This URL, with the proxy in the place of the server.
    pub fn url(&self, url: &str) -> String {
        let begin = url.find("://").map_or(0, |scheme| scheme + 3);
        let end = url[begin..]
            .find(['/', '?'])
            .map_or(url.len(), |length| begin + length);
        let host = url[begin..end]
            .rfind('@')
            .map_or(begin, |at| begin + at + 1);
        format!("{}{}{}", &url[..host], self.address, &url[end..])
    }

    /// Closes all connections and closes new ones at once, as a server does that is down.
    pub fn cut(&self) {
        self.network.cut();
    }

    /// Keeps all connections and accepts new ones, but passes nothing, as a network does that drops
    /// packets. What has been passed before still arrives.
    pub fn stall(&self) {
        self.network.stall();
    }

    /// Passes everything again, and first what was held back.
    pub fn heal(&self) {
        self.network.heal();
    }

    /// Passes everything on new connections. Those that there are stay as they are, and pass
    /// nothing any more: so it is when a route changes, and nobody tells the two ends.
    pub fn strand(&self) {
        self.network.strand();
    }

    /// How many connections there are now, those that have not reached the server included.
    pub fn connections(&self) -> usize {
        self.network.connections()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.network.end();
        // It waits for a connection, so it gets one.
        let woken = TcpStream::connect(self.address);
        if let (Ok(_), Some(listener)) = (woken, self.listener.take()) {
            // A panic of the thread has been printed already.
            let _ = listener.join();
        }
    }
}

fn accept(listener: &TcpListener, network: &Arc<Network>, target: &str) {
    for client in listener.incoming().flatten() {
        if network.has_ended() {
            return;
        }
        let (network, target) = (network.clone(), target.to_owned());
        thread::spawn(move || serve(&network, client, &target));
    }
}

/// Ends when both directions have ended. Errors are how connections end; the two ends see them as
/// such.
fn serve(network: &Arc<Network>, client: TcpStream, target: &str) {
    let Some(connection) = network.admit(client) else {
        return;
    };
    let _ = connection.passage().and_then(|()| {
        let server = connection.join(TcpStream::connect(target)?)?;
        thread::scope(|scope| {
            scope.spawn(|| pump(&connection, connection.client(), &server));
            pump(&connection, &server, connection.client())
        })
    });
}

/// Passes bytes one way until the sender closes it; the other way may go on.
fn pump(connection: &Connection, from: &TcpStream, to: &TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let passed = loop {
        match io::Read::read(&mut &*from, &mut buffer) {
            Ok(0) => break connection.passage(),
            Ok(length) => {
                if let Err(error) = connection
                    .passage()
                    .and_then(|()| io::Write::write_all(&mut &*to, &buffer[..length]))
                {
                    break Err(error);
                }
            }
            Err(error) => break Err(error),
        }
    };
    match passed {
        Ok(()) => to.shutdown(std::net::Shutdown::Write),
        Err(error) => {
            // Otherwise the other direction would wait for an end that has died.
            let _ = from.shutdown(std::net::Shutdown::Both);
            let _ = to.shutdown(std::net::Shutdown::Both);
            Err(error)
        }
    }
}
