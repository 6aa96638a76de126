//! What operators and orchestrators ask: `/health`, `/livez`, `/readyz`, `/metrics`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use uuid::Uuid;
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::{Context, json, route, with};
use crate::access::{self, Role, Subject};
use crate::problem::Problem;

/// Health is answered within a second, whatever hangs.
const PATIENCE: Duration = Duration::from_millis(800);

pub(super) fn routes(context: &Arc<Context>) -> BoxedFilter<(Response,)> {
    // Load balancers like to ask with HEAD.
    let public = || warp::get().or(warp::head()).unify().and(access::require(Role::Public));
    let health = warp::path!("health").and(public()).and(with(context)).then(health);
    let livez = warp::path!("livez").and(public()).then(async |_: Subject| Ok("ok"));
    let readyz = warp::path!("readyz").and(public()).and(with(context)).then(readyz);
    let metrics = warp::path!("metrics").and(public()).and(with(context)).then(metrics);
    route(context, ("GET", "/health"), health)
        .or(route(context, ("GET", "/livez"), livez))
        .unify()
        .or(route(context, ("GET", "/readyz"), readyz))
        .unify()
        .or(route(context, ("GET", "/metrics"), metrics))
        .unify()
        .boxed()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Healthy,
    Degraded,
    Unhealthy,
}

#[derive(Serialize)]
struct Part {
    name: &'static str,
    state: State,
    latency_ms: f64,
}

#[derive(Serialize)]
struct Health {
    status: State,
    version: &'static str,
    parts: Vec<Part>,
}

/// Times a call; `lost` is the state of the part when the call fails.
async fn probe<T, E: std::fmt::Display>(
    name: &'static str,
    lost: State,
    call: impl Future<Output = Result<T, E>>,
) -> Part {
    let start = Instant::now();
    let state = match tokio::time::timeout(PATIENCE, call).await {
        Ok(Ok(_)) => State::Healthy,
        Ok(Err(error)) => {
            tracing::warn!(part = name, %error, "unhealthy");
            lost
        }
        Err(_) => lost,
    };
    Part { name, state, latency_ms: start.elapsed().as_secs_f64() * 1e3 }
}

/// 200 while submissions are accepted, 503 otherwise.
async fn health(_: Subject, context: Arc<Context>) -> Result<Response, Problem> {
    let services = &context.services;
    // The cache only saves time, and what the queue lost the dispatcher publishes again.
    let (store, queue, cache) = tokio::join!(
        probe("store", State::Unhealthy, services.store.jobs.find(Uuid::nil())),
        probe("queue", State::Degraded, services.queue.depths()),
        probe("cache", State::Degraded, services.cache.ping()),
    );
    let parts = vec![store, queue, cache];
    let status = parts.iter().map(|part| part.state).max().unwrap_or(State::Healthy);
    let code = if status == State::Unhealthy { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    Ok(json(code, &Health { status, version: env!("CARGO_PKG_VERSION"), parts }))
}

/// 200 when this process can take requests.
async fn readyz(_: Subject, context: Arc<Context>) -> Result<&'static str, Problem> {
    match tokio::time::timeout(PATIENCE, context.services.store.jobs.find(Uuid::nil())).await {
        Ok(Ok(_)) if !context.shutdown.is_cancelled() => Ok("ok"),
        _ => Err(Problem::unavailable()),
    }
}

/// Gauges of the store and queue are read when they are asked for; a part that is away leaves its last values.
async fn metrics(_: Subject, context: Arc<Context>) -> Result<Response, Problem> {
    let services = &context.services;
    let (ledger, depths) = tokio::join!(
        tokio::time::timeout(PATIENCE, services.store.jobs.ledger()),
        tokio::time::timeout(PATIENCE, services.queue.depths()),
    );
    if let Ok(Ok(ledger)) = ledger {
        services.metrics.set_ledger(&ledger);
    }
    if let Ok(Ok(depths)) = depths {
        for (priority, depth) in depths {
            let depth = i64::try_from(depth).unwrap_or(i64::MAX);
            services.metrics.queue_depth.with_label_values(&[priority.as_str()]).set(depth);
        }
    }
    let text = services.metrics.render().map_err(|error| {
        tracing::error!(%error, "metrics cannot be rendered");
        Problem::internal()
    })?;
    let mut response = Response::new(text.into());
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    Ok(response)
}
