//! `/v1/jobs`: list, show, wait, follow, cancel, retry, promote.

mod actions;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt as _};
use tars_engine::policy_file::Algorithm;
use tars_shared::job::Status;
use tars_shared::store::JobFilter;
use uuid::Uuid;
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::{Reply, Response};
use warp::sse::Event;

use super::{Context, json, route, with};
use crate::access::{self, Role, Subject};
use crate::deadline::within;
use crate::page::{Listing, Page};
use crate::problem::Problem;
use crate::query::{EnvironmentId, Query, job_id, query};
use crate::view::JobView;
use crate::watch::Watch;

/// The longest long poll.
const MAX_WAIT_SECONDS: u32 = 60;
/// A job that has ended never changes, so any copy of it is true; this only bounds memory.
const ENDED_TTL: Duration = Duration::from_mins(10);

pub(super) fn routes(context: &Arc<Context>) -> BoxedFilter<(Response,)> {
    let list = warp::path!("v1" / "jobs")
        .and(warp::get())
        .and(access::require(Role::Viewer))
        .and(query())
        .and(with(context))
        .then(list);
    let show = warp::path!("v1" / "jobs" / String)
        .and(warp::get())
        .and(access::require(Role::Viewer))
        .and(query())
        .and(with(context))
        .then(show);
    let events = warp::path!("v1" / "jobs" / String / "events")
        .and(warp::get())
        .and(access::require(Role::Viewer))
        .and(with(context))
        .then(events);
    route(context, ("GET", "/v1/jobs"), list)
        .or(route(context, ("GET", "/v1/jobs/{id}"), show))
        .unify()
        .or(route(context, ("GET", "/v1/jobs/{id}/events"), events))
        .unify()
        .or(actions::routes(context))
        .unify()
        .boxed()
}

async fn list(_: Subject, mut query: Query, context: Arc<Context>) -> Result<Response, Problem> {
    let page = Page::<(DateTime<Utc>, Uuid)>::take(&mut query)?;
    let filter = JobFilter {
        status: query.take("status")?,
        agent_type: query.take::<Algorithm>("agent_type")?,
        environment: query.take::<EnvironmentId>("environment")?.map(|id| id.0),
        label: query.take::<String>("label")?.as_deref().map(label).transpose()?,
        before: page.after,
    };
    let fetch_limit = page.fetch_limit();
    query.finish()?;
    let jobs = context.services.store.jobs.clone();
    let jobs = within(async move { jobs.list(&filter, fetch_limit).await }).await?;
    let listing = Listing::new(jobs, page.limit, |job| (job.submitted_at, job.id), JobView::summary);
    Ok(json(StatusCode::OK, &listing))
}

fn label(text: &str) -> Result<(String, String), Problem> {
    let pair = text.split_once(':').map(|(name, value)| (name.to_owned(), value.to_owned()));
    pair.ok_or_else(|| Problem::invalid_field("label", "must be name:value"))
}

async fn show(id: String, _: Subject, mut query: Query, context: Arc<Context>) -> Result<Response, Problem> {
    let id = job_id(&id)?;
    let wait = query.take_number("wait", 0..=MAX_WAIT_SECONDS, 0)?;
    query.finish()?;
    let key = format!("job:{id}");
    let cached = context.services.cache.find(&key).await;
    let result = if cached.is_some() { "hit" } else { "miss" };
    context.services.metrics.cache_requests.with_label_values(&[result]).inc();
    if let Some(document) = cached {
        return Ok(document_response(document));
    }
    let job = Watch::new(&context, id).wait(Duration::from_secs(wait.into())).await?;
    let (status, environments) = (job.status, job.parameters.environments.len());
    let jobs = context.services.store.jobs.clone();
    let results = within(async move { jobs.results(id).await }).await?;
    // Two questions may be answered by two hosts, and a replica may lag behind: only what is whole is kept.
    let whole = status != Status::Completed || results.len() == environments;
    let view = JobView::summary(job).with_results(results);
    let document = Bytes::from(serde_json::to_vec(&view).map_err(|_| Problem::internal())?);
    if status.is_terminal() && whole {
        context.services.cache.put(&key, document.clone(), ENDED_TTL).await;
    }
    Ok(document_response(document))
}

fn document_response(document: Bytes) -> Response {
    let mut response = Response::new(document.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

async fn events(id: String, _: Subject, context: Arc<Context>) -> Result<Response, Problem> {
    let watch = Watch::new(&context, job_id(&id)?);
    let first = watch.look().await?;
    let stream = event_stream(watch.changes(first));
    Ok(warp::sse::reply(warp::sse::keep_alive().stream(stream)).into_response())
}

/// `progress` while the job lives, and one `end` as the last event.
fn event_stream(
    jobs: impl Stream<Item = tars_shared::job::Job> + Send + 'static,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
    jobs.map(|job| {
        let name = if Status::is_terminal(job.status) { "end" } else { "progress" };
        let event = Event::default().event(name);
        // A view is plain data; should it ever not be, an empty event says no less than a broken stream.
        Ok(event.json_data(JobView::summary(job)).unwrap_or_default())
    })
}
