//! Requests, and which of them are repeated.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Serialize;

use crate::address::Address;
use crate::answer::Answer;
use crate::error::Error;
use crate::token::{self, InvalidToken};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Event streams send a sign of life every 15 seconds.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(40);
/// How long one request may take, unless it carries a file or waits on purpose.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Whoever asks again anyway waits no longer than the service promises to take.
const GLANCE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the upload of up to 10 MiB may take.
const UPLOAD_TIMEOUT: Duration = Duration::from_mins(2);
/// Delays before the repetitions of a request.
const RETRY_DELAYS: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
];
/// The longest `Retry-After` that is waited for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(10);

/// A client of one service.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    address: Address,
    has_token: bool,
}

impl Client {
    /// A client of the service at this address, with this token if there is one.
    ///
    /// # Panics
    /// Never: a client without TLS needs nothing to start.
    pub fn new(address: Address, token: Option<&str>) -> Result<Self, InvalidToken> {
        let headers = token.map(token::header).transpose()?.unwrap_or_default();
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("tars/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(SILENCE_TIMEOUT);
        if address.is_loopback() {
            // A proxy of the surrounding network cannot reach this machine's loopback.
            http = http.no_proxy();
        }
        Ok(Self {
            http: http
                .build()
                .expect("a client without TLS needs nothing to start"),
            address,
            has_token: token.is_some(),
        })
    }

    /// Reads a resource. `query` leaves out what is `None`.
    pub async fn get(&self, path: &str, query: &impl Serialize) -> Result<Answer, Error> {
        self.repeat(
            self.request(Method::GET, path)
                .query(query)
                .timeout(REQUEST_TIMEOUT),
        )
        .await
    }

    /// Reads a resource, and does not repeat that: for those who ask again in a moment anyway.
    pub async fn glance(&self, path: &str) -> Result<Answer, Error> {
        let request = self.request(Method::GET, path).timeout(GLANCE_TIMEOUT);
        self.once(request).await.map_err(|failure| failure.error)
    }

    /// How the service does, asked once. That it accepts no job is an answer, too.
    pub async fn health(&self) -> Result<Answer, Error> {
        let request = self.request(Method::GET, "/health").timeout(GLANCE_TIMEOUT);
        let reply = self.exchange(request).await;
        let reply = reply.map_err(|failure| failure.error)?;
        if reply.status.is_success() || reply.status == StatusCode::SERVICE_UNAVAILABLE {
            Ok(reply.answer(&self.address))
        } else {
            Err(self.failure(&reply).error)
        }
    }

    /// Asks for something that is the same when it is asked for twice.
    pub async fn post(&self, path: &str) -> Result<Answer, Error> {
        self.repeat(self.request(Method::POST, path).timeout(REQUEST_TIMEOUT))
            .await
    }

    /// Like [`post`](Self::post), with a body.
    pub async fn post_body(&self, path: &str, body: &impl Serialize) -> Result<Answer, Error> {
        let request = self.request(Method::POST, path).json(body);
        self.repeat(request.timeout(REQUEST_TIMEOUT)).await
    }

    /// Creates something that would be there twice when it is asked for twice, hence asked for
    /// once.
    pub async fn create(&self, path: &str, body: &impl Serialize) -> Result<Answer, Error> {
        let request = self
            .request(Method::POST, path)
            .json(body)
            .timeout(REQUEST_TIMEOUT);
        self.once(request).await.map_err(|failure| failure.error)
    }

    /// Ends something. What has ended already is not there any more, and answered so.
    pub async fn delete(&self, path: &str) -> Result<Answer, Error> {
        let request = self.request(Method::DELETE, path).timeout(REQUEST_TIMEOUT);
        self.once(request).await.map_err(|failure| failure.error)
    }

    /// Submits an evaluation. `key` makes sure that a lost answer cannot make two jobs of it.
    pub async fn submit(&self, key: &str, body: &impl Serialize) -> Result<Answer, Error> {
        self.post_keyed("/v1/evaluate", key, body).await
    }

    /// Like [`post_body`](Self::post_body), for what a key makes the same when it is asked for twice.
    pub async fn post_keyed(
        &self,
        path: &str,
        key: &str,
        body: &impl Serialize,
    ) -> Result<Answer, Error> {
        let request = self.request(Method::POST, path).json(body);
        self.repeat(
            request
                .header("Idempotency-Key", key)
                .timeout(UPLOAD_TIMEOUT),
        )
        .await
    }

    /// Stores a file under its hash.
    pub async fn upload(&self, bytes: Vec<u8>) -> Result<Answer, Error> {
        let request = self.request(Method::PUT, "/v1/artifacts").body(bytes);
        self.repeat(
            request
                .header("Content-Type", "application/octet-stream")
                .timeout(UPLOAD_TIMEOUT),
        )
        .await
    }

    /// Where the service is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// A request that is sent once, by the caller, who also bounds its time.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.address.base()))
    }

    /// Sends a request, again where the answer got lost or the service asked for patience.
    async fn repeat(&self, request: RequestBuilder) -> Result<Answer, Error> {
        for delay in RETRY_DELAYS {
            // Only bodies that are streams cannot be sent twice, and no request has one.
            let Some(copy) = request.try_clone() else {
                break;
            };
            match self.once(copy).await {
                Err(Failure {
                    worth_repeating: true,
                    retry_after,
                    ..
                }) => {
                    tokio::time::sleep(retry_after.unwrap_or(delay).min(MAX_RETRY_AFTER)).await;
                }
                outcome => return outcome.map_err(|failure| failure.error),
            }
        }
        self.once(request).await.map_err(|failure| failure.error)
    }

    async fn once(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        let reply = self.exchange(request).await?;
        if reply.status.is_success() {
            Ok(reply.answer(&self.address))
        } else {
            Err(self.failure(&reply))
        }
    }

    /// Sends a request, and takes whatever comes back.
    async fn exchange(&self, request: RequestBuilder) -> Result<Reply, Failure> {
        let response = request.send().await.map_err(|error| Failure {
            // Where nothing listens, patience does not help: the user has to start the service.
            worth_repeating: !error.is_connect(),
            retry_after: None,
            error: Error::transport(&self.address, &error),
        })?;
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| {
            let seconds = value.to_str().ok()?.parse().ok()?;
            Some(Duration::from_secs(seconds))
        });
        let bytes = response.bytes().await.map_err(|error| Failure {
            worth_repeating: true,
            retry_after: None,
            error: Error::transport(&self.address, &error),
        })?;
        Ok(Reply {
            status,
            retry_after,
            body: bytes.into(),
        })
    }

    /// The refusal that a reply is.
    fn failure(&self, reply: &Reply) -> Failure {
        Failure {
            worth_repeating: matches!(
                reply.status,
                StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            ),
            retry_after: reply.retry_after,
            error: if reply.status == StatusCode::UNAUTHORIZED && !self.has_token {
                Error::NoToken {
                    server: self.address.clone(),
                }
            } else {
                Error::refusal(&self.address, reply.status, &reply.body)
            },
        }
    }
}

/// What came back.
struct Reply {
    status: StatusCode,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

impl Reply {
    fn answer(self, address: &Address) -> Answer {
        Answer::new(address, self.status, self.body)
    }
}

/// Why one attempt gave no answer.
struct Failure {
    error: Error,
    worth_repeating: bool,
    retry_after: Option<Duration>,
}
