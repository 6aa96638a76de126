//! `/v1/dead-letters`: what ended without a result, and why.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use tars_shared::dead_letter::{DeadLetter, DeadLetterFilter};
use uuid::Uuid;
use warp::Filter as _;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::call::Call;
use crate::deadline::within;
use crate::endpoint::Endpoint;
use crate::openapi::operation::Operation;
use crate::page::{Listing, Page};
use crate::problem::Problem;
use crate::reply::json;
use crate::route::{Route, call, route};
use crate::view::location;

pub(super) fn routes() -> Vec<Route> {
    vec![
        route(Endpoint::ListDeadLetters, call().then(list)),
        route(Endpoint::ShowDeadLetter, call().then(show)),
    ]
}

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    let list = Operation::new("dead letters", "List dead letters")
        .answers::<Listing<View>>(200, "The newest first.");
    let show = Operation::new("dead letters", "Show a dead letter")
        .answers::<View>(200, "The dead letter.")
        .fails(404, "There is no such dead letter.");
    vec![
        (Endpoint::ListDeadLetters, list),
        (Endpoint::ShowDeadLetter, show),
    ]
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
    View {
        job: letter.job_id.map(location),
        letter,
    }
}

async fn list(call: Call) -> Result<Response, Problem> {
    let page = Page::<(DateTime<Utc>, Uuid)>::of(&call.values)?;
    let filter = DeadLetterFilter {
        kind: call.values.find("kind")?,
        before: page.after,
    };
    let fetch_limit = page.fetch_limit();
    let letters = call.context.services.store.dead_letters.clone();
    let found = within(async move { letters.list(&filter, fetch_limit).await }).await?;
    Ok(json(
        StatusCode::OK,
        &Listing::new(found, page.limit, |letter| (letter.at, letter.id), view),
    ))
}

async fn show(call: Call) -> Result<Response, Problem> {
    let id = call.values.id()?;
    let letters = call.context.services.store.dead_letters.clone();
    let found = within(async move { letters.find(id).await }).await?;
    let letter =
        found.ok_or_else(|| Problem::not_found(format!("there is no dead letter {id}")))?;
    Ok(json(StatusCode::OK, &view(letter)))
}
