//! The HTTP client of the service, as the subcommands use it: bounded in time, and patient where a
//! repetition is safe.

mod agent_file;
mod answer;
mod error;
mod events;
mod follow;
mod job;
mod moment;
mod paged;
mod progress;
mod server;
mod token;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, StatusCode};
use serde::Serialize;

pub(crate) use agent_file::AgentFile;
pub(crate) use answer::Answer;
pub(crate) use error::Error;
pub(crate) use follow::follow;
pub(crate) use job::{Job, Receipt};
pub(crate) use moment::ago;
pub(crate) use paged::pages;
pub(crate) use progress::{Progress, ProgressBars};
pub(crate) use server::Server;

/// How long one request may take, unless it carries a file or waits on purpose.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the upload of up to 10 MiB may take.
const UPLOAD_PATIENCE: Duration = Duration::from_mins(2);
/// Pauses before the repetitions of a request.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
];
/// The longest `Retry-After` that is waited for.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Runs a subcommand that talks to the service.
pub(crate) fn run(
    command: impl Future<Output = anyhow::Result<ExitCode>>,
) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the async runtime")?
        .block_on(command)
}

/// A client of one service.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    server: Server,
    has_token: bool,
}

impl Client {
    /// Reads a resource. `query` leaves out what is `None`.
    pub(crate) async fn get(&self, path: &str, query: &impl Serialize) -> Result<Answer, Error> {
        self.repeat(self.http.get(self.url(path)).query(query).timeout(PATIENCE))
            .await
    }

    /// Asks for something that is the same when it is asked for twice.
    pub(crate) async fn post(&self, path: &str) -> Result<Answer, Error> {
        self.repeat(self.http.post(self.url(path)).timeout(PATIENCE))
            .await
    }

    /// Like [`post`](Self::post), with a body.
    pub(crate) async fn post_body(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Answer, Error> {
        let request = self.http.post(self.url(path)).json(body);
        self.repeat(request.timeout(PATIENCE)).await
    }

    /// Creates something that would be there twice when it is asked for twice, hence asked for
    /// once.
    pub(crate) async fn create(&self, path: &str, body: &impl Serialize) -> Result<Answer, Error> {
        let request = self.http.post(self.url(path)).json(body).timeout(PATIENCE);
        self.once(request).await.map_err(|failure| failure.error)
    }

    /// Submits an evaluation. `key` makes sure that a lost answer cannot make two jobs of it.
    pub(crate) async fn submit(&self, key: &str, body: &impl Serialize) -> Result<Answer, Error> {
        let request = self.http.post(self.url("/v1/evaluate")).json(body);
        self.repeat(
            request
                .header("Idempotency-Key", key)
                .timeout(UPLOAD_PATIENCE),
        )
        .await
    }

    /// Stores a file under its hash.
    pub(crate) async fn upload(&self, bytes: Vec<u8>) -> Result<Answer, Error> {
        let request = self.http.put(self.url("/v1/artifacts")).body(bytes);
        self.repeat(
            request
                .header("Content-Type", "application/octet-stream")
                .timeout(UPLOAD_PATIENCE),
        )
        .await
    }

    /// The server, as the user named it.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.base())
    }

    /// Sends a request, again where the answer got lost or the service asked for patience.
    async fn repeat(&self, request: RequestBuilder) -> Result<Answer, Error> {
        for pause in PAUSES {
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
                    tokio::time::sleep(retry_after.unwrap_or(pause).min(LONGEST_PAUSE)).await;
                }
                outcome => return outcome.map_err(|failure| failure.error),
            }
        }
        self.once(request).await.map_err(|failure| failure.error)
    }

    async fn once(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        let response = request.send().await.map_err(|error| Failure {
            // Where nothing listens, patience does not help: the user has to start the service.
            worth_repeating: !error.is_connect(),
            retry_after: None,
            error: Error::transport(&self.server, &error),
        })?;
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| {
            let seconds = value.to_str().ok()?.parse().ok()?;
            Some(Duration::from_secs(seconds))
        });
        let bytes = response.bytes().await.map_err(|error| Failure {
            worth_repeating: true,
            retry_after: None,
            error: Error::transport(&self.server, &error),
        })?;
        if status.is_success() {
            return Ok(Answer::new(&self.server, status, bytes.into()));
        }
        Err(Failure {
            worth_repeating: matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            ),
            retry_after,
            error: if status == StatusCode::UNAUTHORIZED && !self.has_token {
                Error::NoToken {
                    server: Box::new(self.server.clone()),
                }
            } else {
                Error::refusal(&self.server, status, &bytes)
            },
        })
    }
}

/// Why one attempt gave no answer.
struct Failure {
    error: Error,
    worth_repeating: bool,
    retry_after: Option<Duration>,
}
