//! How a handler becomes the answer to an endpoint.

use std::convert::Infallible;

use warp::filters::BoxedFilter;
use warp::reject::InvalidHeader;
use warp::reply::{Reply, Response};
use warp::{Filter, Rejection};

use crate::call::Call;
use crate::endpoint::Endpoint;
use crate::problem::Problem;

/// An endpoint and what answers it. Filters are boxed, which keeps compile times flat.
pub(crate) type Route = (Endpoint, BoxedFilter<(Response,)>);

/// The request's [`Call`], where every handler's filter begins.
pub(crate) fn call() -> BoxedFilter<(Call,)> {
    warp::ext::get::<Call>().boxed()
}

/// One route: turns what its handler returns into a response.
pub(crate) fn route<R: Reply + 'static>(
    endpoint: Endpoint,
    handler: impl Filter<Extract = (Result<R, Problem>,), Error = Rejection>
    + Clone
    + Send
    + Sync
    + 'static,
) -> Route {
    let response = handler.map(|result: Result<R, Problem>| match result {
        Ok(reply) => reply.into_response(),
        Err(problem) => problem.into_response(),
    });
    (endpoint, response.recover(recover).unify().boxed())
}

/// What warp's rejections become. Handlers return problems, so that only what warp itself reads of
/// a request is left. The catch-all comes last.
async fn recover(rejection: Rejection) -> Result<Response, Infallible> {
    let problem = if let Some(header) = rejection.find::<InvalidHeader>() {
        Problem::malformed(format!("header {} cannot be read", header.name()))
    } else {
        tracing::error!(?rejection, "a rejection that no rule covers");
        Problem::internal()
    };
    Ok(problem.into_response())
}
