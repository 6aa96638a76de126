//! `/v1/dead-letters`: what ended without a result, and why.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use tars_shared::dead_letter::{DeadLetter, DeadLetterFilter};
use uuid::Uuid;
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::Response;

use super::{Context, json, route, with};
use crate::access::{self, Role, Subject};
use crate::deadline::within;
use crate::page::{Listing, Page};
use crate::problem::Problem;
use crate::query::{Query, job_id, query};
use crate::view::location;

pub(super) fn routes(context: &Arc<Context>) -> BoxedFilter<(Response,)> {
    let list = warp::path!("v1" / "dead-letters")
        .and(warp::get())
        .and(access::require(Role::Viewer))
        .and(query())
        .and(with(context))
        .then(list);
    let show = warp::path!("v1" / "dead-letters" / String)
        .and(warp::get())
        .and(access::require(Role::Viewer))
        .and(with(context))
        .then(show);
    route(context, ("GET", "/v1/dead-letters"), list)
        .or(route(context, ("GET", "/v1/dead-letters/{id}"), show))
        .unify()
        .boxed()
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DeadLetter")]
struct View {
    #[serde(flatten)]
    letter: DeadLetter,
    /// Where the job is.
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<String>,
}

fn view(letter: DeadLetter) -> View {
    View { job: letter.job_id.map(location), letter }
}

async fn list(_: Subject, mut query: Query, context: Arc<Context>) -> Result<Response, Problem> {
    let page = Page::<(DateTime<Utc>, Uuid)>::take(&mut query)?;
    let filter = DeadLetterFilter { kind: query.take("kind")?, before: page.after };
    query.finish()?;
    let fetch_limit = page.fetch_limit();
    let letters = context.services.store.dead_letters.clone();
    let found = within(async move { letters.list(&filter, fetch_limit).await }).await?;
    Ok(json(StatusCode::OK, &Listing::new(found, page.limit, |letter| (letter.at, letter.id), view)))
}

async fn show(id: String, _: Subject, context: Arc<Context>) -> Result<Response, Problem> {
    let id = job_id(&id)?;
    let letters = context.services.store.dead_letters.clone();
    let found = within(async move { letters.find(id).await }).await?;
    let letter = found.ok_or_else(|| Problem::not_found(format!("there is no dead letter {id}")))?;
    Ok(json(StatusCode::OK, &view(letter)))
}
