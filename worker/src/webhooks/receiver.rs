//! One message to one receiver, over a connection of its own.
//!
//! The submitter of a job names the receiver, so nothing is believed: its address is looked up once,
//! checked, and connected to as it was checked; no proxy stands in between; no redirect is followed; of
//! the answer, the status counts and little more is read.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tars_shared::webhook::{Networks, parse};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;
use url::{Host, Position, Url};

use super::trust;

/// How long one address may take to answer a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Addresses of one name that are tried.
const ADDRESSES: usize = 3;
/// Bytes of an answer's head.
const HEAD_BYTES: usize = 16 * 1024;
/// Bytes of an answer's body that are read, so that a polite receiver is not cut off.
const BODY_BYTES: usize = 4 * 1024;
/// How long its body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(1);

/// A signed message.
pub(super) struct Message<'a> {
    pub(super) url: &'a str,
    pub(super) id: String,
    pub(super) timestamp: i64,
    pub(super) signature: String,
    pub(super) body: Vec<u8>,
}

/// The ways to receivers.
pub(super) struct Receivers {
    networks: Networks,
    allow_http: bool,
    tls: Result<TlsConnector, String>,
}

impl Receivers {
    pub(super) async fn new(networks: Networks, allow_http: bool) -> Self {
        let tls = trust::connector().await;
        if let Err(error) = &tls {
            tracing::warn!(error, "webhooks cannot be sent over TLS");
        }
        Self {
            networks,
            allow_http,
            tls,
        }
    }

    /// The status that the receiver answers with.
    pub(super) async fn post(&self, message: Message<'_>) -> Result<u16, String> {
        let url = parse(message.url).map_err(|complaint| format!("its address {complaint}"))?;
        let request = request(&url, message)?;
        if url.scheme() == "http" && !self.allow_http {
            return Err("its address is not https://, and nothing is sent without TLS".to_owned());
        }
        let stream = self.connect(&url).await?;
        if url.scheme() == "http" {
            return exchange(TokioIo::new(stream), request).await;
        }
        let name = server_name(&url)?;
        let tls = self.tls.as_ref().map_err(Clone::clone)?;
        let stream = tls.connect(name, stream).await;
        let stream = stream.map_err(|error| format!("no TLS with the receiver: {error}"))?;
        exchange(TokioIo::new(stream), request).await
    }

    /// A connection to an address that has been checked.
    async fn connect(&self, url: &Url) -> Result<TcpStream, String> {
        let mut refusal = "its host has no address".to_owned();
        let mut admitted = Vec::new();
        for address in addresses(url).await? {
            match self.networks.admit(address.ip()) {
                Ok(()) => admitted.push(address),
                Err(complaint) => refusal = format!("its address {complaint}"),
            }
        }
        for address in admitted.into_iter().take(ADDRESSES) {
            match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => refusal = format!("no connection: {error}"),
                Err(_) => {
                    refusal = format!("no connection within {} s", CONNECT_TIMEOUT.as_secs());
                }
            }
        }
        Err(refusal)
    }
}

async fn addresses(url: &Url) -> Result<Vec<SocketAddr>, String> {
    let port = url.port_or_known_default().unwrap_or_default();
    match url.host() {
        None => Ok(Vec::new()),
        Some(Host::Ipv4(address)) => Ok(vec![(address, port).into()]),
        Some(Host::Ipv6(address)) => Ok(vec![(address, port).into()]),
        Some(Host::Domain(name)) => lookup_host((name, port))
            .await
            .map(Iterator::collect)
            .map_err(|error| format!("its host cannot be looked up: {error}")),
    }
}

fn server_name(url: &Url) -> Result<ServerName<'static>, String> {
    let name = match url.host() {
        Some(Host::Ipv4(address)) => Ok(ServerName::from(std::net::IpAddr::from(address))),
        Some(Host::Ipv6(address)) => Ok(ServerName::from(std::net::IpAddr::from(address))),
        Some(Host::Domain(name)) => {
            ServerName::try_from(name.trim_end_matches('.').to_owned()).map_err(drop)
        }
        None => Err(()),
    };
    name.map_err(|()| "its host is no name that a certificate can have".to_owned())
}

fn request(url: &Url, message: Message<'_>) -> Result<Request<Full<Bytes>>, String> {
    Request::post(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, concat!("tars/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close")
        .header("webhook-id", message.id)
        .header("webhook-timestamp", message.timestamp)
        .header("webhook-signature", message.signature)
        .body(Full::new(message.body.into()))
        .map_err(|error| format!("its address makes no request: {error}"))
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<u16, String>
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let broken = |error: hyper::Error| format!("no answer: {error}");
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES)
        .handshake(stream)
        .await
        .map_err(broken)?;
    // It ends with this exchange, whatever the receiver still wants to say.
    let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let response = sender.send_request(request).await.map_err(broken)?;
    let status = response.status().as_u16();
    // Whether it comes does not matter.
    let _ = tokio::time::timeout(BODY_TIMEOUT, read_a_little(response)).await;
    Ok(status)
}

async fn read_a_little(response: Response<Incoming>) {
    let mut body = response.into_body();
    let mut read = 0;
    while read < BODY_BYTES {
        match body.frame().await {
            Some(Ok(frame)) => read += frame.data_ref().map_or(0, Bytes::len),
            Some(Err(_)) | None => return,
        }
    }
}

#[cfg(test)]
mod tests;
