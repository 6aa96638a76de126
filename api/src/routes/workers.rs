//! `/v1/workers`: who works on what, who is to stop, and what an autoscaler needs to know.

mod wanted;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use tars_shared::store::{Worker, WorkerFilter};
use uuid::Uuid;
use warp::Filter as _;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::call::Call;
use crate::deadline::within;
use crate::endpoint::Endpoint;
use crate::openapi::operation::Operation;
use crate::page::{Listing, Page, WorkerName};
use crate::problem::Problem;
use crate::reply::json;
use crate::route::{Route, call, route};

pub(super) fn routes() -> Vec<Route> {
    vec![
        route(Endpoint::ListWorkers, call().then(list)),
        route(Endpoint::DrainWorker, call().then(drain)),
        route(Endpoint::WorkersWanted, call().then(wanted::show)),
    ]
}

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    let list = Operation::new("operations", "List workers")
        .described("Each tells of itself every two seconds. One that was not seen for 15 seconds has gone.")
        .answers::<Listing<View>>(200, "By name.");
    let drain = Operation::new("operations", "Drain a worker")
        .described(
            "Within two seconds it takes nothing new. It finishes what it runs within its grace period, gives the rest \
             back, and ends as on SIGTERM. Whatever starts workers may start another in its place.",
        )
        .answers::<View>(202, "It is asked to.")
        .fails(404, "No worker of this name is there.");
    vec![
        (Endpoint::ListWorkers, list),
        (Endpoint::DrainWorker, drain),
        (Endpoint::WorkersWanted, wanted::operation()),
    ]
}

#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "WorkerState")]
enum State {
    /// It takes jobs.
    Working,
    /// It takes nothing new, and ends when it is done.
    Draining,
    /// It was not seen for a while.
    Gone,
}

/// A worker, as it says of itself.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Worker")]
struct View {
    name: String,
    state: State,
    /// The machine that it runs on; null of versions that do not say.
    host: Option<String>,
    version: Option<String>,
    started_at: Option<DateTime<Utc>>,
    /// When it told of itself last.
    seen_at: DateTime<Utc>,
    /// Evaluations at the same time.
    slots: u32,
    /// How many of them run.
    busy: u32,
    /// Jobs that it holds, those that it took first; of many short ones not all.
    running: Vec<Uuid>,
    /// When an operator asked it to drain.
    drain_requested_at: Option<DateTime<Utc>>,
}

fn view(worker: Worker) -> View {
    let state = match (
        worker.alive,
        worker.draining || worker.drain_requested_at.is_some(),
    ) {
        (false, _) => State::Gone,
        (true, true) => State::Draining,
        (true, false) => State::Working,
    };
    View {
        name: worker.name,
        state,
        host: worker.host,
        version: worker.version,
        started_at: worker.started_at,
        seen_at: worker.seen_at,
        slots: worker.slots,
        busy: worker.busy,
        running: worker.running,
        drain_requested_at: worker.drain_requested_at,
    }
}

async fn list(call: Call) -> Result<Response, Problem> {
    let page = Page::<WorkerName>::of(&call.values)?;
    let filter = WorkerFilter {
        gone: call.values.text("gone") == Some("true"),
        after: page.after.as_ref().map(|name| name.0.clone()),
    };
    let fetch_limit = page.fetch_limit();
    let workers = call.context.services.store.workers.clone();
    let found = within(async move { workers.list(&filter, fetch_limit).await }).await?;
    let position = |worker: &Worker| WorkerName(worker.name.clone());
    Ok(json(
        StatusCode::OK,
        &Listing::new(found, page.limit, position, view),
    ))
}

async fn drain(call: Call) -> Result<Response, Problem> {
    let name: String = call.values.of_path("name")?;
    let (workers, actor) = (
        call.context.services.store.workers.clone(),
        call.caller.actor(),
    );
    let asked = name.clone();
    let worker = within(async move { workers.drain(&asked, &actor).await })
        .await?
        .ok_or_else(|| Problem::not_found(format!("no worker {name} is there")))?;
    Ok(json(StatusCode::ACCEPTED, &view(worker)))
}
