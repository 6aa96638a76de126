//! `/v1/jobs`: list, show, wait, follow, cancel, retry, promote.

mod actions;
mod cancelling;
mod following;
mod showing;

use std::convert::Infallible;

use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt as _};
use tars_engine::policy_file::Algorithm;
use tars_shared::store::JobFilter;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;
use warp::Filter as _;
use warp::http::StatusCode;
use warp::reply::{Reply, Response};
use warp::sse::Event;

use crate::body;
use crate::call::Call;
use crate::deadline::within;
use crate::endpoint::Endpoint;
use crate::followers;
use crate::job_watcher::JobWatcher;
use crate::label;
use crate::openapi::operation::Operation;
use crate::page::{Listing, Page};
use crate::problem::Problem;
use crate::reply::json;
use crate::route::{Route, call, route};
use crate::view::JobView;

pub(super) fn routes() -> Vec<Route> {
    let mut routes = actions::routes();
    let body = body::read("application/json", body::FORM_BYTES);
    routes.extend([
        route(
            Endpoint::CancelJobs,
            call().and(body).then(cancelling::cancel),
        ),
        route(Endpoint::ListJobs, call().then(list)),
        route(Endpoint::ShowJob, call().then(showing::show)),
        route(Endpoint::FollowJob, call().then(events)),
    ]);
    routes
}

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    let list = Operation::new("evaluations", "List jobs")
        .described("The newest first, without their results.")
        .answers::<Listing<JobView>>(200, "A page of them.");
    let show = Operation::new("evaluations", "Show a job")
        .described(
            "With `wait`, as soon as it has ended or the time is over. What has ended never changes, but that `retried_as` \
             may come: its answer has an `ETag`, and who sends that in `If-None-Match` gets 304 as long as they may read it.",
        )
        .answers::<JobView>(200, "The job with its results so far.")
        .with_header("ETag", "Stands for exactly these bytes; given once the job has ended.")
        .with_header("X-Cache", "`hit` where the answer was remembered, `miss` where the database was asked.")
        .answers_nothing(304, "The job has ended, and is what `If-None-Match` names.")
        .with_header("ETag", "The tag that was named.")
        .with_header("X-Cache", "As with 200.")
        .fails(404, "There is no such job.");
    let follow = Operation::new("evaluations", "Follow a job")
        .described("Server-sent events: `progress` at every change, and when a job waits for something else than before; one `end`. \
                    Their data are jobs without results.")
        .answers_events::<JobView>(200, "A stream of events.")
        .fails(404, "There is no such job.");
    let mut all = vec![
        (Endpoint::ListJobs, list),
        (Endpoint::ShowJob, show),
        (Endpoint::FollowJob, follow),
        (Endpoint::CancelJobs, cancelling::operation()),
    ];
    all.extend(actions::operations());
    all
}

async fn list(call: Call) -> Result<Response, Problem> {
    let values = &call.values;
    let page = Page::<(DateTime<Utc>, Uuid)>::of(values)?;
    let label = values.text("label").and_then(label::parse);
    let filter = JobFilter {
        status: values.find("status")?,
        agent_type: values.find::<Algorithm>("agent_type")?,
        environment: values.find("environment")?,
        label,
        before: page.after,
        ..JobFilter::default()
    };
    let fetch_limit = page.fetch_limit();
    let jobs = call.context.services.store.jobs.clone();
    let jobs = within(async move { jobs.list(&filter, fetch_limit).await }).await?;
    let listing = Listing::new(
        jobs,
        page.limit,
        |job| (job.submitted_at, job.id),
        JobView::summary,
    );
    Ok(json(StatusCode::OK, &listing))
}

async fn events(call: Call) -> Result<Response, Problem> {
    let watcher = JobWatcher::new(&call.context, call.values.id()?);
    let permit = followers::permit(&call)?;
    let changes = watcher.changes().await?;
    let context = call.context.clone();
    // It ends with the stream, and the stream ends with it.
    let access_ended = AbortOnDropHandle::new(tokio::spawn(followers::access_ended(call, permit)));
    let views = following::views(context, changes);
    let stream = event_stream(views).take_until(access_ended);
    Ok(warp::sse::reply(warp::sse::keep_alive().stream(stream)).into_response())
}

/// `progress` while the job lives, and one `end` as the last event.
fn event_stream(
    jobs: impl Stream<Item = JobView> + Send + 'static,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
    jobs.map(|job| {
        let name = if job.status.is_terminal() {
            "end"
        } else {
            "progress"
        };
        let event = Event::default().event(name);
        // A view is plain data; should it ever not be, an empty event says no less than a broken
        // stream.
        Ok(event.json_data(job).unwrap_or_default())
    })
}
