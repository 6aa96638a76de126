//! Accepting connections: bounded in number, in bytes of headers, and in the time that a client may
//! take for anything.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use tower_http::cors::CorsLayer;
use tower_service::Service;
use warp::http::Response;

use crate::client_address::network_of;
use crate::gateway::{BudgetedBody, Gateway};
use crate::keyed_semaphore::KeyedSemaphore;
use crate::lingering_stream::LingeringStream;

/// What is parsed of a request's head, in headers and in bytes. The gateway refuses less than this
/// with a problem document; a head beyond it is answered 431 without one.
const MAX_PARSED_HEADERS: usize = 128;
const MAX_PARSED_BYTES: usize = 64 * 1024;
/// How long a client may take none of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait when the system has no sockets left.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(50);

#[derive(Debug, Clone, Copy)]
pub(crate) struct Capacity {
    /// How many at one time. Others wait to be accepted.
    pub(crate) connections: usize,
    /// How many from one address that is no trusted proxy. Others are closed at once.
    pub(crate) per_address: usize,
    /// How long a request's headers may take, and how long a kept connection may wait for the next
    /// request.
    pub(crate) headers: Duration,
}

/// Serves until `shutdown`, then until the last connection ends.
pub(crate) async fn serve(
    listener: TcpListener,
    gateway: Gateway,
    cors: Option<CorsLayer>,
    capacity: Capacity,
    shutdown: CancellationToken,
) {
    let connections = Arc::new(Semaphore::new(capacity.connections));
    let by_address = Arc::new(KeyedSemaphore::default());
    let graceful = GracefulShutdown::new();
    loop {
        let connection_permit = tokio::select! {
            permit = connections.clone().acquire_owned() => permit,
            () = shutdown.cancelled() => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_RETRY_INTERVAL).await;
                continue;
            }
        };
        let address = peer.ip().to_canonical();
        let most = if gateway.trusts(address) {
            capacity.connections
        } else {
            capacity.per_address
        };
        let Some(address_permit) = by_address.try_acquire(network_of(address), most) else {
            tracing::debug!(%address, "too many connections from one address");
            continue;
        };
        let gateway = gateway.clone();
        let service = ServiceBuilder::new()
            .option_layer(cors.clone())
            .service_fn(move |request| gateway.clone().handle(request, address).map(Ok));
        let connection = serve_connection(stream, service, capacity.headers, graceful.watcher());
        tokio::spawn(async move {
            connection.await;
            drop((connection_permit, address_permit));
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

/// Answers the requests of one connection until either side ends it.
async fn serve_connection<S>(stream: TcpStream, service: S, headers: Duration, watcher: Watcher)
where
    S: Service<Request<Incoming>, Response = Response<BudgetedBody>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    // Small answers are not to wait for the acknowledgement of the last one. If it fails, they do.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(headers)
        .max_headers(MAX_PARSED_HEADERS)
        .max_header_size(MAX_PARSED_BYTES)
        .max_buf_size(MAX_PARSED_BYTES)
        .serve_connection(
            TokioIo::new(LingeringStream::new(stream)),
            TowerToHyperService::new(service),
        );
    // Clients that go away or talk nonsense are no errors of ours.
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection broke off");
    }
}
