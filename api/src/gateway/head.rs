//! The bounds of a request's head, below those of the parser, so that a problem document tells of
//! them.

use warp::http::StatusCode;
use warp::http::request::Parts;

use crate::problem::Problem;

/// The longest path with its query string.
const MAX_URI_BYTES: usize = 8 * 1024;
/// All headers, in number and in bytes.
const MAX_HEADERS: usize = 64;
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// Whether a request's head is within its bounds.
pub(super) fn check(head: &Parts) -> Result<(), Problem> {
    let uri = head.uri.path().len() + head.uri.query().map_or(0, str::len);
    if uri > MAX_URI_BYTES {
        let detail = format!("the path and query string may have {MAX_URI_BYTES} bytes together");
        return Err(Problem::new(
            StatusCode::URI_TOO_LONG,
            "uri_too_long",
            detail,
        ));
    }
    let headers = head.headers.iter();
    let bytes: usize = headers
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if head.headers.len() > MAX_HEADERS || bytes > MAX_HEADER_BYTES {
        let detail = format!(
            "a request may have {MAX_HEADERS} headers of {MAX_HEADER_BYTES} bytes together"
        );
        return Err(Problem::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "headers_too_large",
            detail,
        ));
    }
    Ok(())
}
