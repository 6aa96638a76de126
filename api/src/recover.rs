//! What warp's rejections become. The door has found the route already, and handlers return
//! problems, so that little is left: what warp itself reads of a request.

use std::convert::Infallible;

use warp::reject::{InvalidHeader, Rejection};
use warp::reply::{Reply as _, Response};

use crate::problem::Problem;

/// The catch-all last.
pub(crate) async fn recover(rejection: Rejection) -> Result<Response, Infallible> {
    let problem = if let Some(header) = rejection.find::<InvalidHeader>() {
        Problem::malformed(format!("header {} cannot be read", header.name()))
    } else {
        tracing::error!(?rejection, "a rejection that no rule covers");
        Problem::internal()
    };
    Ok(problem.into_response())
}
