//! `GET /v1/jobs/{id}`: a job as it is, or as it ended, from memory where that is possible.

use std::time::Duration;

use bytes::Bytes;
use tars_shared::job::Status;
use tars_shared::submission::retry_job_id;
use uuid::Uuid;
use warp::http::header::{CACHE_CONTROL, ETAG};
use warp::http::{HeaderName, HeaderValue, StatusCode};
use warp::reply::{Reply as _, Response};

use crate::call::Call;
use crate::context::Context;
use crate::deadline::within;
use crate::ended_jobs::{Document, Made};
use crate::followers;
use crate::job_watcher::{JobWatcher, Looked};
use crate::problem::Problem;
use crate::reply;
use crate::view::JobView;
use crate::waiting::waiting;

/// Whether the answer was remembered, by this process or in the shared cache.
const X_CACHE: HeaderName = HeaderName::from_static("x-cache");
/// What has ended may be kept by whoever asked, if they ask each time whether they still may have
/// it: every other answer of the API is kept by nobody.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("private, no-cache");

pub(super) async fn show(call: Call) -> Result<Response, Problem> {
    let (id, context) = (call.values.id()?, &call.context);
    let wait = call.values.number("wait", 0)?;
    if let Some(document) = context.ended_jobs.find(id).await {
        return Ok(ended(&call, document, "hit"));
    }
    let _permit = if wait == 0 {
        None
    } else {
        Some(followers::permit(&call)?)
    };
    let looked = JobWatcher::new(context, id)
        .wait(Duration::from_secs(wait.into()))
        .await?;
    if looked.job.status.is_terminal() {
        let making = document(context, looked);
        let document = context.ended_jobs.find_or_make(id, making).await?;
        return Ok(ended(&call, document, "miss"));
    }
    let (Made::Whole(document) | Made::Partial(document)) = document(context, looked).await?;
    let mut response = reply::bytes("application/json", document.bytes);
    response
        .headers_mut()
        .insert(X_CACHE, HeaderValue::from_static("miss"));
    Ok(response)
}

/// The job with its results, or with what it waits for: only a job that has ended is always the
/// same, and only that gets a tag.
async fn document(context: &Context, looked: Looked) -> Result<Made, Problem> {
    let waiting = waiting(context, &looked).await;
    let job = looked.job;
    let (id, status, environments) = (job.id, job.status, job.parameters.environments.len());
    let store = &context.services.store;
    let jobs = store.jobs.clone();
    let results = within(async move { jobs.results(id).await }).await?;
    let retried_as = match status {
        Status::Failed | Status::Cancelled => retried_as(context, id).await?,
        _ => None,
    };
    // Two questions may be answered by two hosts, and a replica may lag behind: only what is whole
    // is kept.
    let whole = match status {
        Status::Completed => results.len() == environments,
        // It may be retried yet.
        Status::Failed | Status::Cancelled if retried_as.is_none() => false,
        // How many results there should be, nobody knows.
        _ => !store.hosts.reads_from_replica(),
    };
    let view = JobView::summary(job)
        .waiting(waiting)
        .with_results(results)
        .retried_as(retried_as);
    let json = serde_json::to_vec(&view).map_err(|_| Problem::internal())?;
    // Without the room that it grew into: it may be kept for long.
    let document = Document::new(Bytes::from(json.into_boxed_slice()));
    Ok(if whole {
        Made::Whole(document)
    } else {
        Made::Partial(document)
    })
}

/// The job that repeats this one.
async fn retried_as(context: &Context, id: Uuid) -> Result<Option<Uuid>, Problem> {
    let jobs = context.services.store.jobs.clone();
    let retry = retry_job_id(id);
    let found = within(async move { jobs.find(retry).await }).await?;
    Ok(found.map(|job| job.id))
}

/// 200 with the document, or 304 for those who have it.
fn ended(call: &Call, document: Document, x_cache: &'static str) -> Response {
    let given = call.values.text("If-None-Match").unwrap_or_default();
    let mut response = if is_named(&document.tag, given) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        reply::bytes("application/json", document.bytes)
    };
    let headers = response.headers_mut();
    headers.insert(ETAG, document.tag);
    headers.insert(CACHE_CONTROL, ASK_AGAIN);
    headers.insert(X_CACHE, HeaderValue::from_static(x_cache));
    response
}

/// Whether a list of tags names this one. For `If-None-Match` a weak one counts as much (RFC 9110,
/// section 13.1.2).
fn is_named(tag: &HeaderValue, list: &str) -> bool {
    // No tag of ours has a comma, so where others have one, they are only cut into more that are
    // not ours.
    let mut named = list.split(',').map(str::trim);
    named.any(|named| named == "*" || named.strip_prefix("W/").unwrap_or(named) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_in_every_list_that_names_it_and_in_no_other() {
        let tag = HeaderValue::from_static("\"0a1b\"");
        for list in [
            "\"0a1b\"",
            "W/\"0a1b\"",
            "*",
            "\"x\", \"0a1b\"",
            "\"x,y\",W/\"0a1b\"",
        ] {
            assert!(is_named(&tag, list), "{list}");
        }
        for list in ["", "\"0a1\"", "0a1b", "\"0A1B\"", "w/\"0a1b\"", "\"*\""] {
            assert!(!is_named(&tag, list), "{list}");
        }
    }
}
