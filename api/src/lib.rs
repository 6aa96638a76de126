//! HTTP in, job accepted, answer out.
//!
//! Nothing here evaluates: an accepted job is a row and a message, and a worker finds it.

mod accept;
mod access;
mod body;
pub mod config;
mod deadline;
#[expect(dead_code, reason = "its routes come with the document that it shows")]
mod docs_ui;
mod page;
mod problem;
mod query;
mod recover;
mod routes;
mod unrecorded;
mod view;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tars_shared::services::Services;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use crate::config::Config;
use crate::routes::{Context, Duty};
use crate::unrecorded::Unrecorded;

/// How long requests under way may take after the shutdown began.
const GRACE: Duration = Duration::from_secs(5);

/// Why the API could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// Where it should listen.
        address: SocketAddr,
        /// What the system said.
        reason: std::io::Error,
    },
    /// There are no accounts yet, so only this machine may call.
    #[error("refusing to listen on {0}: without accounts the API answers loopback addresses only, such as 127.0.0.1")]
    NotLoopback(SocketAddr),
}

/// The API, bound to its address and ready to serve.
#[derive(Debug)]
pub struct Api {
    services: Services,
    duty: Duty,
    listener: TcpListener,
    address: SocketAddr,
}

impl Api {
    /// Takes the address, so that the caller can print it before the first request comes.
    pub async fn bind(services: Services, config: &Config) -> Result<Self, Error> {
        Self::bind_for(Duty::Accept, services, SocketAddr::new(config.host, config.port)).await
    }

    /// Only health and metrics, for a worker: it takes no jobs over HTTP, but orchestrators and Prometheus ask it too.
    pub async fn bind_operations(services: Services, address: SocketAddr) -> Result<Self, Error> {
        Self::bind_for(Duty::Work, services, address).await
    }

    async fn bind_for(duty: Duty, services: Services, address: SocketAddr) -> Result<Self, Error> {
        if !address.ip().is_loopback() {
            return Err(Error::NotLoopback(address));
        }
        let listen = async {
            let listener = TcpListener::bind(address).await?;
            listener.local_addr().map(|bound| (listener, bound))
        };
        let (listener, address) = listen.await.map_err(|reason| Error::Listen { address, reason })?;
        Ok(Self { services, duty, listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`, then lets the requests under way finish.
    pub async fn run(self, shutdown: CancellationToken) {
        let context = Arc::new(Context {
            services: self.services,
            duty: self.duty,
            unrecorded: Unrecorded::default(),
            shutdown: shutdown.clone(),
        });
        tracing::info!(address = %self.address, "listening");
        let stopping = shutdown.clone();
        let routes = match self.duty {
            Duty::Accept => routes::all(&context),
            Duty::Work => routes::operations(&context),
        };
        let serving =
            warp::serve(routes).incoming(self.listener).graceful(async move { stopping.cancelled().await }).run();
        let recording = context.unrecorded.record(&context.services, shutdown.clone());
        let out_of_patience = async {
            shutdown.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            ((), ()) = async { tokio::join!(serving, recording) } => {}
            () = out_of_patience => tracing::warn!(grace = ?GRACE, "cutting off clients that do not let go"),
        }
    }
}
