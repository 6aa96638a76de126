//! `/v1/dead-letters`: what ended without a result, why, and what becomes of it.

mod discarding;
mod policies;
mod rehearsal;
mod replays;
mod selection;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use tars_shared::dead_letter::{DeadLetter, DeadLetterFilter, Group, Keeping};
use tars_shared::job::Failure;
use tars_shared::replay::document::{document, shown};
use uuid::Uuid;
use warp::Filter as _;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::call::Call;
use crate::deadline::within;
use crate::endpoint::Endpoint;
use crate::label;
use crate::moment;
use crate::openapi::operation::Operation;
use crate::page::{Listing, Page};
use crate::problem::Problem;
use crate::reply::json;
use crate::route::{Route, call, route};
use crate::view::location;

/// Groups of a summary, unless the client asks for another number.
const GROUPS: u32 = 100;

pub(super) fn routes() -> Vec<Route> {
    let mut routes = vec![
        route(Endpoint::ListDeadLetters, call().then(list)),
        route(Endpoint::SummarizeDeadLetters, call().then(summarize)),
        route(Endpoint::ShowDeadLetter, call().then(show)),
    ];
    routes.extend(discarding::routes());
    routes.extend(replays::routes());
    routes
}

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    let list = Operation::new("dead letters", "List dead letters")
        .answers::<Listing<View>>(200, "The newest first.");
    let summarize = Operation::new("dead letters", "Summarize dead letters")
        .described(
            "Letters of one kind, agent type and environments with the same reason, but for numbers and ids, are one \
             group. Its `fingerprint` selects it in filters.",
        )
        .answers::<Summary>(200, "Those with the most open letters first.");
    let show = Operation::new("dead letters", "Show a dead letter")
        .answers::<Details>(200, "The dead letter.")
        .fails(404, "There is no such dead letter.");
    let mut all = vec![
        (Endpoint::ListDeadLetters, list),
        (Endpoint::SummarizeDeadLetters, summarize),
        (Endpoint::ShowDeadLetter, show),
    ];
    all.extend(discarding::operations());
    all.extend(replays::operations());
    all
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DeadLetter")]
struct View {
    #[serde(flatten)]
    letter: DeadLetter,
    /// When retention would take it; null for never.
    expires_at: Option<DateTime<Utc>>,
    /// Where the job is.
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<String>,
    /// Where the job is that it was replayed as.
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<String>,
}

fn view(letter: DeadLetter, keeping: Keeping) -> View {
    View {
        expires_at: keeping.expires_at(letter.at),
        job: letter.job_id.map(location),
        replay: letter.replayed_as.map(location),
        letter,
    }
}

async fn list(call: Call) -> Result<Response, Problem> {
    let (values, context) = (&call.values, &call.context);
    let page = Page::<(DateTime<Utc>, Uuid)>::of(values)?;
    let now = context.services.clock.now();
    let read = |name| {
        let moment = values.text(name).map(|text| moment::parse(text, now));
        moment
            .transpose()
            .map_err(|message| Problem::invalid_field(name, message))
    };
    let label = values.text("label").and_then(label::parse);
    let filter = DeadLetterFilter {
        kind: values.find("kind")?,
        agent_type: values.find("agent_type")?,
        environment: values.find("environment")?,
        label,
        submitter: values.find("submitter")?,
        reason: values.find("reason")?,
        older_than: read("older_than")?,
        newer_than: read("newer_than")?,
        state: values.find("state")?,
        fingerprint: values.find("fingerprint")?,
    };
    let (before, fetch_limit) = (page.after, page.fetch_limit());
    let letters = context.services.store.dead_letters.clone();
    let found = within(async move { letters.list(&filter, before, fetch_limit).await }).await?;
    let show = |letter| view(letter, context.keeping);
    let position = |letter: &DeadLetter| (letter.at, letter.id);
    Ok(json(
        StatusCode::OK,
        &Listing::new(found, page.limit, position, show),
    ))
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DeadLetterSummary")]
struct Summary {
    groups: Vec<Group>,
}

async fn summarize(call: Call) -> Result<Response, Problem> {
    let limit = call.values.number("limit", GROUPS)?;
    let letters = call.context.services.store.dead_letters.clone();
    let groups = within(async move { letters.groups(limit).await }).await?;
    Ok(json(StatusCode::OK, &Summary { groups }))
}

/// A dead letter with what led to it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DeadLetterDetails")]
struct Details {
    #[serde(flatten)]
    view: View,
    /// Every failed attempt of the job, oldest first.
    failures: Vec<Failure>,
    /// The request as it would be submitted, bytes left out; null for a message that is no job's.
    submission: Option<Value>,
}

async fn show(call: Call) -> Result<Response, Problem> {
    let (id, store) = (call.values.id()?, &call.context.services.store);
    let letters = store.dead_letters.clone();
    let found = within(async move { letters.find(id).await }).await?;
    let letter =
        found.ok_or_else(|| Problem::not_found(format!("there is no dead letter {id}")))?;
    let (mut failures, mut submission) = (Vec::new(), None);
    if let Some(job_id) = letter.job_id {
        let (jobs, requests) = (store.jobs.clone(), store.jobs.clone());
        let job = within(async move { jobs.find(job_id).await }).await?;
        failures = job.map(|job| job.failures).unwrap_or_default();
        let former = within(async move { requests.submission(job_id).await }).await?;
        let former = former.map(|former| document(&former.request)).transpose();
        submission = former.map_err(|_| Problem::internal())?.map(shown);
    }
    let details = Details {
        view: view(letter, call.context.keeping),
        failures,
        submission,
    };
    Ok(json(StatusCode::OK, &details))
}
