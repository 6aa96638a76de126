//! What orchestrators and operators ask about the parts: `/health`, `/livez`, `/readyz`.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Serialize;
use tars_shared::request::Priority;
use tars_shared::store::{Host, Role as HostRole};
use warp::Filter as _;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::call::Call;
use crate::context::Context;
use crate::context::Duty;
use crate::endpoint::Endpoint;
use crate::openapi::operation::Operation;
use crate::problem::Problem;
use crate::reply::json;
use crate::route::{Route, call, route};

/// Health is answered within a second, whatever hangs.
const PROBE_TIMEOUT: Duration = Duration::from_millis(800);

pub(super) fn routes() -> Vec<Route> {
    vec![
        route(Endpoint::Health, call().then(health)),
        // Whether the process itself works: a part that is away is no reason to kill it.
        route(Endpoint::Livez, call().then(async |_: Call| Ok("ok"))),
        route(Endpoint::Readyz, call().then(readyz)),
    ]
}

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    let health = Operation::new("operations", "How every part does")
        .answers::<Health>(200, "Jobs are accepted, though parts may be away.")
        .answers::<Health>(503, "No job is accepted.");
    let livez = Operation::new("operations", "Whether the process works")
        .described("A part that is away is no reason to restart it.")
        .answers_text(200, "It does.", "text/plain");
    let readyz = Operation::new("operations", "Whether the process can do its duty").answers_text(
        200,
        "It can.",
        "text/plain",
    );
    vec![
        (Endpoint::Health, health),
        (Endpoint::Livez, livez),
        (Endpoint::Readyz, readyz),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "HealthState")]
enum State {
    Healthy,
    Degraded,
    Unhealthy,
}

/// One part of the service.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HealthPart")]
struct Part {
    name: &'static str,
    state: State,
    latency_ms: f64,
    /// Which host it is, where there are several, and what it is to the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    /// What is not as it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Health {
    status: State,
    version: &'static str,
    /// What works all the same, or what does not.
    detail: &'static str,
    parts: Vec<Part>,
}

/// Times a call. Why it fails is for the log: this answer is public.
async fn probe<T, E: std::fmt::Display>(
    name: &'static str,
    call: impl Future<Output = Result<T, E>>,
) -> Part {
    let start = Instant::now();
    let state = match tokio::time::timeout(PROBE_TIMEOUT, call).await {
        Ok(Ok(_)) => State::Healthy,
        Ok(Err(error)) => {
            tracing::warn!(part = name, %error, "unhealthy");
            State::Unhealthy
        }
        Err(_) => State::Unhealthy,
    };
    Part {
        name,
        state,
        latency_ms: milliseconds(start.elapsed()),
        host: None,
        role: None,
        detail: None,
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn store_part(host: Host) -> Part {
    if let Err(reason) = &host.role {
        tracing::warn!(part = "store", host = host.name, reason, "unhealthy");
    }
    let role = host.role.ok();
    Part {
        name: "store",
        state: if role.is_some() {
            State::Healthy
        } else {
            State::Unhealthy
        },
        latency_ms: milliseconds(host.latency),
        host: Some(host.name),
        role: role.map(|role| match role {
            HostRole::Primary => "primary",
            HostRole::Replica => "replica",
        }),
        detail: None,
    }
}

/// Whether jobs wait for longer than their priority allows, where this process knows that.
async fn waiting_part(context: &Context) -> Option<Part> {
    let allowed = context.allowed_waits?;
    let start = Instant::now();
    // A store that does not answer shows in its own part.
    let overdue = context.outlook.overdue(&context.services, allowed).await?;
    let late: Vec<_> = Priority::ALL
        .into_iter()
        .filter(|priority| overdue[*priority as usize] > 0)
        .map(|priority| {
            let (jobs, allowed) = (overdue[priority as usize], allowed[priority as usize]);
            format!(
                "{jobs} of {priority} priority for more than {} s",
                allowed.as_secs()
            )
        })
        .collect();
    Some(Part {
        name: "waiting",
        state: if late.is_empty() {
            State::Healthy
        } else {
            State::Degraded
        },
        latency_ms: milliseconds(start.elapsed()),
        host: None,
        role: None,
        detail: (!late.is_empty()).then(|| format!("jobs wait for too long: {}", late.join(", "))),
    })
}

async fn inspect(context: &Context) -> Vec<Part> {
    let services = &context.services;
    let (hosts, queue, cache, waiting) = tokio::join!(
        tokio::time::timeout(PROBE_TIMEOUT, services.store.hosts.inspect()),
        probe("queue", services.queue.depths()),
        probe("cache", services.cache.ping()),
        waiting_part(context),
    );
    let mut parts: Vec<_> = hosts
        .unwrap_or_default()
        .into_iter()
        .map(store_part)
        .collect();
    parts.extend([queue, cache]);
    parts.extend(waiting);
    parts
}

/// 200 while submissions are accepted, 503 otherwise.
async fn health(call: Call) -> Result<Response, Problem> {
    let parts = inspect(&call.context).await;
    let healthy = |name| {
        parts
            .iter()
            .any(|part| part.name == name && part.state == State::Healthy)
    };
    let writable = parts.iter().any(|part| part.role == Some("primary"));
    let (status, detail) = match (writable, healthy("queue")) {
        _ if parts.iter().all(|part| part.state == State::Healthy) => {
            (State::Healthy, "every part answers")
        }
        (true, true) if parts.iter().all(|part| part.state != State::Unhealthy) => (
            State::Degraded,
            "every part answers, and jobs wait for longer than their priority allows",
        ),
        (true, true) => (State::Degraded, "jobs are accepted and run"),
        (true, false) => (
            State::Degraded,
            "jobs are accepted, and run when the queue is back",
        ),
        (false, true) if call.context.services.queue.is_durable() => (
            State::Degraded,
            "jobs are accepted; they run, and are seen, when the store is back",
        ),
        _ => (State::Unhealthy, "no job is accepted"),
    };
    let code = if status == State::Unhealthy {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::OK
    };
    Ok(json(
        code,
        &Health {
            status,
            version: env!("CARGO_PKG_VERSION"),
            detail,
            parts,
        },
    ))
}

/// 200 when this process can do its duty.
async fn readyz(call: Call) -> Result<&'static str, Problem> {
    let services = &call.context.services;
    let store = services.store.hosts.is_writable();
    let queue = probe("queue", services.queue.depths()).await.state == State::Healthy;
    let ready = match call.context.duty {
        Duty::Accept => store || (queue && services.queue.is_durable()),
        Duty::Work => store && queue,
    };
    if ready && !call.context.shutdown.is_cancelled() {
        Ok("ok")
    } else {
        Err(Problem::unavailable())
    }
}
