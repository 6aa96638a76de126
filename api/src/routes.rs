//! Every route. Each file returns boxed filters, which keeps compile times flat.

mod artifacts;
mod baselines;
mod environments;
mod evaluate;
mod jobs;
mod operations;

use std::sync::Arc;
use std::time::Instant;

use tars_shared::services::Services;
use tokio_util::sync::CancellationToken;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::{Reply, Response};
use warp::{Filter, Rejection};

use crate::problem::Problem;
use crate::recover::recover;

/// What handlers work with.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) services: Services,
    /// Long polls and streams end with the service.
    pub(crate) shutdown: CancellationToken,
}

/// The whole API.
pub(crate) fn all(context: &Arc<Context>) -> BoxedFilter<(Response,)> {
    let metrics = context.services.metrics.clone();
    evaluate::routes(context)
        .or(jobs::routes(context))
        .unify()
        .or(baselines::routes(context))
        .unify()
        .or(artifacts::routes(context))
        .unify()
        .or(environments::routes(context))
        .unify()
        .or(operations::routes(context))
        .unify()
        .recover(move |rejection| recover(metrics.clone(), rejection))
        .unify()
        .boxed()
}

/// Hands the context to a handler.
fn with(context: &Arc<Context>) -> BoxedFilter<(Arc<Context>,)> {
    let context = context.clone();
    warp::any().map(move || context.clone()).boxed()
}

/// One route: turns what its handler returns into an answer, and counts it under `name`.
fn route<R: Reply + 'static>(
    context: &Arc<Context>,
    (method, name): (&'static str, &'static str),
    handler: impl Filter<Extract = (Result<R, Problem>,), Error = Rejection> + Clone + Send + Sync + 'static,
) -> BoxedFilter<(Response,)> {
    let metrics = context.services.metrics.clone();
    warp::any()
        .map(Instant::now)
        .and(handler)
        .map(move |start: Instant, result: Result<R, Problem>| {
            let response = match result {
                Ok(reply) => reply.into_response(),
                Err(problem) => problem.into_response(),
            };
            let status = response.status();
            metrics.http_requests.with_label_values(&[name, method, status.as_str()]).inc();
            metrics.http_request_duration.with_label_values(&[name, method]).observe(start.elapsed().as_secs_f64());
            response
        })
        .boxed()
}

/// A JSON answer.
fn json(status: StatusCode, value: &impl serde::Serialize) -> Response {
    warp::reply::with_status(warp::reply::json(value), status).into_response()
}
