//! Every route. Each file returns boxed filters, which keeps compile times flat.

mod artifacts;
mod baselines;
mod dead_letters;
mod environments;
mod evaluate;
mod health;
mod jobs;
mod metrics;

use std::sync::Arc;
use std::time::Instant;

use tars_shared::services::Services;
use tokio_util::sync::CancellationToken;
use warp::filters::BoxedFilter;
use warp::http::{HeaderName, HeaderValue, StatusCode};
use warp::reply::{Reply, Response};
use warp::{Filter, Rejection};

use crate::problem::Problem;
use crate::recover::recover;
use crate::unrecorded::Unrecorded;

/// Says that an answer comes from a replica, which may lag behind the primary that is away.
const READ_FROM: HeaderName = HeaderName::from_static("x-tars-read-from");

/// What handlers work with.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) services: Services,
    /// What this process is ready for.
    pub(crate) duty: Duty,
    /// Jobs that were accepted while the store was away.
    pub(crate) unrecorded: Unrecorded,
    /// Long polls and streams end with the service.
    pub(crate) shutdown: CancellationToken,
}

/// What a process is there for, and so what it needs to be ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Accepting jobs: one durable home is enough.
    Accept,
    /// Working on them: it needs the queue and the store.
    Work,
}

/// What operators and orchestrators ask every process.
pub(crate) fn operations(context: &Arc<Context>) -> BoxedFilter<(Response,)> {
    recovered(context, health::routes(context).or(metrics::routes(context)).unify().boxed())
}

/// The whole API.
pub(crate) fn all(context: &Arc<Context>) -> BoxedFilter<(Response,)> {
    let routes = evaluate::routes(context)
        .or(jobs::routes(context))
        .unify()
        .or(baselines::routes(context))
        .unify()
        .or(artifacts::routes(context))
        .unify()
        .or(dead_letters::routes(context))
        .unify()
        .or(environments::routes(context))
        .unify()
        .or(health::routes(context))
        .unify()
        .or(metrics::routes(context))
        .unify()
        .boxed();
    recovered(context, routes)
}

/// Routes with an answer for what none of them takes.
fn recovered(context: &Arc<Context>, routes: BoxedFilter<(Response,)>) -> BoxedFilter<(Response,)> {
    let metrics = context.services.metrics.clone();
    routes.recover(move |rejection| recover(metrics.clone(), rejection)).unify().boxed()
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
    let (metrics, hosts) = (context.services.metrics.clone(), context.services.store.hosts.clone());
    warp::any()
        .map(Instant::now)
        .and(handler)
        .map(move |start: Instant, result: Result<R, Problem>| {
            let mut response = match result {
                Ok(reply) => reply.into_response(),
                Err(problem) => problem.into_response(),
            };
            let status = response.status();
            if hosts.reads_from_replica() {
                response.headers_mut().insert(READ_FROM, HeaderValue::from_static("replica"));
            }
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
