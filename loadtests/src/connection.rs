//! One HTTP connection, as small as it can be: on a machine that the service shares, what the
//! client costs is taken from the service.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::HeaderValue;
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::sample::Outcome;

/// An answer that has not come by then does not come.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where the service is, and who asks.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    address: SocketAddr,
    host: HeaderValue,
    authorization: HeaderValue,
}

impl Target {
    /// Of a URL like `http://127.0.0.1:8099`, without TLS and without a path.
    pub(crate) async fn of(url: &str, token: &str) -> anyhow::Result<Self> {
        let host = url
            .strip_prefix("http://")
            .context("TARS_SERVER: http:// is spoken here, not https://")?;
        let host = host.trim_end_matches('/');
        ensure!(
            !host.contains('/'),
            "TARS_SERVER: a service under a path cannot be loaded: {url}"
        );
        let name = if host.contains(':') {
            host.to_owned()
        } else {
            format!("{host}:80")
        };
        let address = tokio::net::lookup_host(&name)
            .await
            .with_context(|| format!("looking up {host}"))?;
        let mut authorization =
            HeaderValue::try_from(format!("Bearer {token}")).context("TARS_TOKEN")?;
        authorization.set_sensitive(true);
        Ok(Self {
            address: address
                .into_iter()
                .next()
                .with_context(|| format!("{host} has no address"))?,
            host: HeaderValue::try_from(host)?,
            authorization,
        })
    }
}

/// An answer with all of its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// What `X-Cache` says, where there is one.
    pub(crate) fn cache_hit(&self) -> Option<bool> {
        let said = self.headers.get("x-cache")?.to_str().ok()?;
        Some(said.trim_start().to_ascii_lowercase().starts_with("hit"))
    }

    /// What it is, where `wanted` was to come.
    pub(crate) fn outcome(&self, wanted: StatusCode) -> Outcome {
        match self.status {
            status if status == wanted => Outcome::Answered,
            // An honest one says when to come again.
            StatusCode::TOO_MANY_REQUESTS if self.headers.contains_key("retry-after") => {
                Outcome::Limited
            }
            status => Outcome::Refused(status.as_u16()),
        }
    }
}

/// A connection that is made when it is needed, and made again when it broke.
#[derive(Debug)]
pub(crate) struct Connection {
    target: Target,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    pub(crate) fn to(target: &Target) -> Self {
        Self {
            target: target.clone(),
            open: None,
        }
    }

    /// Sends a request and reads the answer; `Err` tells how it stayed away.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Bytes,
    ) -> Result<Answer, Outcome> {
        if let Ok(answer) = timeout(TIMEOUT, self.exchange(method, path, headers, body)).await {
            return answer.map_err(|_| {
                self.open = None;
                Outcome::Disconnected
            });
        }
        // What still comes on it would be taken for the answer to the next request.
        self.open = None;
        Err(Outcome::TimedOut)
    }

    async fn exchange(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Bytes,
    ) -> anyhow::Result<Answer> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.target.host)
            .header("authorization", &self.target.authorization);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body))?;
        let (head, body) = self.open().await?.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
        })
    }

    /// One that the service closed meanwhile, as it may after each answer, is made anew.
    async fn open(&mut self) -> anyhow::Result<&mut SendRequest<Full<Bytes>>> {
        let is_usable = match &mut self.open {
            Some(open) => open.ready().await.is_ok(),
            None => false,
        };
        if !is_usable {
            let stream = TcpStream::connect(self.target.address).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            // It ends with the sender.
            tokio::spawn(connection);
            self.open = Some(sender);
        }
        self.open.as_mut().context("it was just made")
    }
}
