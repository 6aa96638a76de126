//! Request bodies: bounded while they arrive, then parsed with errors that name the field.

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use serde::de::{DeserializeOwned, IgnoredAny};
use tars_shared::request::FieldError;
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;

use crate::problem::Problem;

/// A body of this content type, of at most `limit` bytes.
pub(crate) fn read(content_type: &'static str, limit: usize) -> BoxedFilter<(Result<Bytes, Problem>,)> {
    warp::header::optional::<String>("content-type")
        .and(warp::body::stream())
        .then(move |given: Option<String>, chunks| async move {
            if is_of_type(given.as_deref(), content_type) {
                collect(chunks, limit).await
            } else {
                Err(unsupported(content_type))
            }
        })
        .boxed()
}

/// Like [`read`], but there may be no body, and then no content type either.
pub(crate) fn read_optional(
    content_type: &'static str,
    limit: usize,
) -> BoxedFilter<(Result<Option<Bytes>, Problem>,)> {
    warp::header::optional::<String>("content-type")
        .and(warp::body::stream())
        .then(move |given: Option<String>, chunks| async move {
            let body = collect(chunks, limit).await?;
            if body.is_empty() {
                Ok(None)
            } else if is_of_type(given.as_deref(), content_type) {
                Ok(Some(body))
            } else {
                Err(unsupported(content_type))
            }
        })
        .boxed()
}

fn is_of_type(given: Option<&str>, wanted: &str) -> bool {
    let essence = given.unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(wanted)
}

fn unsupported(wanted: &str) -> Problem {
    let detail = format!("send Content-Type: {wanted}");
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
}

/// Parses JSON. What is not JSON is malformed, what is JSON of another shape is invalid and named by its path.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Problem> {
    // Syntax first: a document that breaks off is not blamed on its fields.
    serde_json::from_slice::<IgnoredAny>(bytes)
        .map_err(|error| Problem::malformed(format!("the body is not JSON: {error}")))?;
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { String::new() } else { path };
        Problem::invalid(vec![FieldError::new(field, without_position(&error.into_inner().to_string()))])
    })
}

/// The line and column of an error say little to a client that never saw lines.
fn without_position(message: &str) -> &str {
    message.rfind(" at line ").map_or(message, |position| &message[..position])
}

async fn collect(chunks: impl Stream<Item = Result<impl Buf, warp::Error>>, limit: usize) -> Result<Bytes, Problem> {
    let mut body = BytesMut::new();
    let mut chunks = std::pin::pin!(chunks);
    while let Some(chunk) = chunks.next().await {
        let mut chunk = chunk.map_err(|_| Problem::malformed("the body broke off"))?;
        if body.len() + chunk.remaining() > limit {
            let detail = format!("the body may have at most {limit} bytes");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", detail));
        }
        body.extend_from_slice(&chunk.copy_to_bytes(chunk.remaining()));
    }
    Ok(body.freeze())
}
