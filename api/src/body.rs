//! Request bodies: bounded while they arrive, then parsed with errors that name the field.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use warp::http::{HeaderMap, StatusCode};

use crate::content_digest;
use crate::json_error;
use crate::problem::Problem;

/// The most bytes of a form of accounts.
pub(crate) const FORM_BYTES: usize = 16 * 1024;

/// Bodies above this size are parsed a few at a time.
const LARGE: usize = 256 * 1024;
/// Parsed, a body takes a multiple of its bytes: only so many at a time.
static LARGE_BODIES: Semaphore = Semaphore::const_new(4);

/// How long a client may pause in the middle of a body.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long all of a body may take, however steadily its bytes come.
const READ_TIMEOUT: Duration = Duration::from_mins(2);

/// A body of this content type, of at most `limit` bytes.
pub(crate) fn read(
    content_type: &'static str,
    limit: usize,
) -> BoxedFilter<(Result<Bytes, Problem>,)> {
    warp::header::headers_cloned()
        .and(warp::body::stream())
        .then(move |headers: HeaderMap, chunks| async move {
            check_coding(&headers)?;
            if is_of_type(&headers, content_type) {
                collect(&headers, chunks, limit).await
            } else {
                Err(unsupported(&format!("send Content-Type: {content_type}")))
            }
        })
        .boxed()
}

/// Like [`read`], but there may be no body, and then no content type either.
pub(crate) fn read_optional(
    content_type: &'static str,
    limit: usize,
) -> BoxedFilter<(Result<Option<Bytes>, Problem>,)> {
    warp::header::headers_cloned()
        .and(warp::body::stream())
        .then(move |headers: HeaderMap, chunks| async move {
            check_coding(&headers)?;
            let body = collect(&headers, chunks, limit).await?;
            if body.is_empty() {
                Ok(None)
            } else if is_of_type(&headers, content_type) {
                Ok(Some(body))
            } else {
                Err(unsupported(&format!("send Content-Type: {content_type}")))
            }
        })
        .boxed()
}

/// Nothing is decompressed, so that nothing can blow up.
fn check_coding(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get(CONTENT_ENCODING) {
        Some(coding) if coding != "identity" => Err(unsupported(
            "send the body as it is, without Content-Encoding",
        )),
        _ => Ok(()),
    }
}

fn is_of_type(headers: &HeaderMap, wanted: &str) -> bool {
    let given = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    given
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case(wanted)
}

fn unsupported(detail: &str) -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        detail,
    )
}

/// Parses JSON. What is not JSON is malformed, what is JSON of another shape is invalid and named
/// by its path.
///
/// A large body takes a while: it is parsed beside the async runtime, a few at a time.
pub(crate) async fn parse<T: DeserializeOwned + Send + 'static>(
    bytes: Bytes,
) -> Result<T, Problem> {
    if bytes.len() <= LARGE {
        return parse_now(&bytes);
    }
    let _permit = LARGE_BODIES.acquire().await;
    let parsed = tokio::task::spawn_blocking(move || parse_now(&bytes)).await;
    parsed.unwrap_or_else(|panic| {
        tracing::error!(%panic, "parsing a body panicked");
        Err(Problem::internal())
    })
}

fn parse_now<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // Syntax first: a document that breaks off is not blamed on its fields.
    serde_json::from_slice::<IgnoredAny>(bytes)
        .map_err(|error| Problem::malformed(format!("the body is not JSON: {error}")))?;
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::invalid_field("(body)", "send a JSON object"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| Problem::invalid(vec![json_error::complaint(error)]))
}

fn too_slow() -> Problem {
    let detail = format!(
        "the body made no progress for {IDLE_TIMEOUT:?}, or took longer than {READ_TIMEOUT:?} in all"
    );
    Problem::unread_body(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail)
}

fn too_large(limit: usize) -> Problem {
    Problem::unread_body(
        StatusCode::PAYLOAD_TOO_LARGE,
        "payload_too_large",
        format!("the body may have at most {limit} bytes"),
    )
}

async fn collect(
    headers: &HeaderMap,
    chunks: impl Stream<Item = Result<impl Buf, warp::Error>>,
    limit: usize,
) -> Result<Bytes, Problem> {
    // A client that says beforehand what it would send need not send it.
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit));
    }
    let mut body = BytesMut::new();
    let mut chunks = std::pin::pin!(chunks);
    let end = Instant::now() + READ_TIMEOUT;
    loop {
        let next =
            tokio::time::timeout_at(end.min(Instant::now() + IDLE_TIMEOUT), chunks.next()).await;
        let Some(chunk) = next.map_err(|_| too_slow())? else {
            break;
        };
        let mut chunk = chunk.map_err(|_| Problem::malformed("the body broke off"))?;
        if body.len() + chunk.remaining() > limit {
            return Err(too_large(limit));
        }
        body.extend_from_slice(&chunk.copy_to_bytes(chunk.remaining()));
    }
    content_digest::check(headers, &body)?;
    Ok(body.freeze())
}
