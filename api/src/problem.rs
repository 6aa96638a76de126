//! Every error answer: `application/problem+json` (RFC 9457) with a stable `code`.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use tars_shared::request::FieldError;
use tars_shared::store;
use warp::http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use warp::http::{HeaderValue, StatusCode};
use warp::reply::{Reply, Response};

/// The most complaints of one response: a client that has mended these can ask for the next.
const MAX_ERRORS: usize = 20;
/// The most characters of the sentence that sums them up.
const DETAIL_CHARACTERS: usize = 1000;

/// When it is worth asking again whether open jobs have ended. The count is a second old at most.
const OPEN_JOBS_RETRY_SECONDS: u32 = 5;

#[derive(Debug, Clone)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    retry_after: Option<u32>,
    header: Option<Header>,
}

/// A header that belongs to a status.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Header {
    /// `WWW-Authenticate`, with 401.
    Challenge,
    /// `Allow`, with 405.
    Allow(Box<str>),
    /// `Connection: close`, where the rest of the request is not read.
    Close,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct Document<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    code: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
    /// The detail once more, or the title where there is none: clients of the first T.A.R.S. read
    /// this member.
    error: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            header: None,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    pub(crate) fn no_such_path() -> Self {
        Self::not_found("there is no such path")
    }

    pub(crate) fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// The caller has not shown who they are. `detail` must help no attacker.
    pub(crate) fn unauthorized(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            header: Some(Header::Challenge),
            ..Self::new(StatusCode::UNAUTHORIZED, code, detail)
        }
    }

    /// Whatever is wrong with a token, unless it is worth telling apart.
    pub(crate) fn invalid_token() -> Self {
        Self::unauthorized("invalid_token", "the token is not valid")
    }

    /// The token was good until somebody ended it.
    pub(crate) fn revoked() -> Self {
        Self::unauthorized(
            "token_revoked",
            "the token has been revoked: log in again, or ask for a new one",
        )
    }

    /// The body is not read to its end, and so the connection is closed.
    pub(crate) fn unread_body(
        status: StatusCode,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            header: Some(Header::Close),
            ..Self::new(status, code, detail)
        }
    }

    pub(crate) fn too_many(retry_after: Duration, what: &str) -> Self {
        let seconds = u32::try_from(retry_after.as_millis().div_ceil(1000))
            .unwrap_or(u32::MAX)
            .max(1);
        let detail = format!("too many {what}: try again in {seconds} s");
        Self {
            retry_after: Some(seconds),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail)
        }
    }

    /// A submitter has as many jobs under way as it may have.
    pub(crate) fn too_many_open_jobs(open: u64, limit: u64, jobs: u64) -> Self {
        let these = match jobs {
            1 => "this one".to_owned(),
            jobs => format!("these {jobs}"),
        };
        let detail = format!(
            "you have {open} jobs that are queued or running, and may have {limit}: submit {these} when others have ended"
        );
        Self {
            retry_after: Some(OPEN_JOBS_RETRY_SECONDS),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_open_jobs", detail)
        }
    }

    /// The path is there, with these methods.
    pub(crate) fn method_not_allowed(allowed: &str) -> Self {
        let detail = format!("this path takes {allowed}");
        Self {
            header: Some(Header::Allow(allowed.into())),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
        }
    }

    /// Well-formed, but with values that the client must change.
    pub(crate) fn invalid(mut errors: Vec<FieldError>) -> Self {
        let more = errors.len().saturating_sub(MAX_ERRORS);
        errors.truncate(MAX_ERRORS);
        let mut detail = errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ");
        if let Some((end, _)) = detail.char_indices().nth(DETAIL_CHARACTERS) {
            detail.truncate(end);
            detail.push('…');
        }
        if more > 0 {
            detail.push_str(&format!("; and {more} more"));
        }
        Self {
            errors,
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_value", detail)
        }
    }

    pub(crate) fn invalid_field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError::new(field, message)])
    }

    /// A part that the answer needs is away: the same request may work soon. What exactly failed is
    /// in the log.
    pub(crate) fn unavailable() -> Self {
        let detail = "a part of the service is away; try again (with the same Idempotency-Key, if you sent one)";
        Self {
            retry_after: Some(1),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
        }
    }

    /// A defect of ours. Its detail is for the log alone.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "")
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        tracing::error!(%error, "store failed");
        match error {
            store::Error::Unavailable(_) => Self::unavailable(),
            store::Error::Corrupt(_) => Self::internal(),
        }
    }
}

impl Reply for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let document = Document {
            r#type: "about:blank",
            title,
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
            error: if self.detail.is_empty() {
                title
            } else {
                &self.detail
            },
            errors: &self.errors,
        };
        let mut response =
            warp::reply::with_status(warp::reply::json(&document), self.status).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        match self.header {
            Some(Header::Challenge) => {
                headers.insert(
                    WWW_AUTHENTICATE,
                    HeaderValue::from_static("Bearer realm=\"tars-eval-engine\""),
                );
            }
            Some(Header::Allow(methods)) => {
                // Names of methods are always a header.
                headers.extend(
                    HeaderValue::try_from(&*methods)
                        .ok()
                        .map(|methods| (ALLOW, methods)),
                );
            }
            Some(Header::Close) => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            None => {}
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
