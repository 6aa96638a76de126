//! `GET /v1/workers/wanted`: what an autoscaler needs to know.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use tars_shared::request::Priority;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::call::Call;
use crate::deadline::within;
use crate::openapi::operation::Operation;
use crate::problem::Problem;
use crate::reply::json;

pub(super) fn operation() -> Operation {
    Operation::new("operations", "How many workers are wanted")
        .described(
            "Those that would do all that waits and runs within the target time, at the pace of late; never fewer than \
             are busy, so that no busy worker is ever surplus.",
        )
        .answers::<WorkerDemand>(200, "The number, and what it comes from.")
}

/// What an autoscaler needs to know.
#[derive(Serialize, JsonSchema)]
struct WorkerDemand {
    /// Work that waits and runs ÷ (slots of a worker × target); at least `busy_workers`, and at
    /// least one while a job waits.
    workers_wanted: u32,
    /// Workers that were seen in the last seconds and take new jobs.
    workers: u32,
    /// Those that run something.
    busy_workers: u32,
    /// Evaluations that they can run at the same time.
    slots: u32,
    /// Seconds of one slot that queued jobs are worth, by priority.
    queued_work_seconds: BTreeMap<&'static str, f64>,
    /// Seconds of one slot that are left of running jobs.
    running_work_seconds: f64,
    /// Seconds of one slot that an episode took of late; null where none was ever run.
    seconds_per_episode: Option<f64>,
    /// Seconds within which all should be done.
    target_seconds: u64,
}

pub(super) async fn show(call: Call) -> Result<Response, Problem> {
    let workers = call.context.services.store.workers.clone();
    let target = call.context.scale_target.unwrap_or_default();
    let demand = within(async move { workers.demand().await }).await?;
    let queued = Priority::ALL.map(|one| (one.as_str(), demand.queued_seconds(one)));
    let demand = WorkerDemand {
        workers_wanted: demand.workers_wanted(target),
        workers: demand.workers,
        busy_workers: demand.busy_workers,
        slots: demand.slots,
        queued_work_seconds: queued.into(),
        running_work_seconds: demand.running_seconds(),
        seconds_per_episode: demand.seconds_per_episode,
        target_seconds: target.as_secs(),
    };
    Ok(json(StatusCode::OK, &demand))
}
