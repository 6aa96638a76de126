//! What warp's rejections become. Rejections are routing alone: handlers return problems.

use std::convert::Infallible;
use std::sync::Arc;

use tars_shared::metrics::Metrics;
use warp::http::StatusCode;
use warp::reject::{InvalidHeader, InvalidQuery, MethodNotAllowed, Rejection};
use warp::reply::{Reply as _, Response};

use crate::access;
use crate::problem::Problem;

/// Complaints about the caller come before those about the body, method before not-found, the catch-all last.
pub(crate) async fn recover(metrics: Arc<Metrics>, rejection: Rejection) -> Result<Response, Infallible> {
    let problem = if let Some(refusal) = rejection.find::<access::Refused>() {
        Problem::new(StatusCode::FORBIDDEN, "forbidden", refusal.0)
    } else if let Some(header) = rejection.find::<InvalidHeader>() {
        Problem::malformed(format!("header {} cannot be read", header.name()))
    } else if rejection.find::<InvalidQuery>().is_some() {
        Problem::malformed("the query string cannot be read")
    } else if rejection.find::<MethodNotAllowed>().is_some() {
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this route has other methods")
    } else if rejection.is_not_found() {
        Problem::not_found("there is no such route")
    } else {
        tracing::error!(?rejection, "a rejection that no rule covers");
        Problem::internal()
    };
    let response = problem.into_response();
    // No route took the request, so its path is whatever the client made up: it must not become a label.
    metrics.http_requests.with_label_values(&["unmatched", "", response.status().as_str()]).inc();
    Ok(response)
}
