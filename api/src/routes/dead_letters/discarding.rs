//! `POST /v1/dead-letters/discard` and `/restore`: what nobody wants is hidden, and comes back.

use std::time::Duration;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json as value;
use tars_shared::dead_letter::State;
use tars_shared::store::Discarding;
use tokio::time::Instant;
use uuid::Uuid;
use warp::Filter as _;
use warp::http::StatusCode;
use warp::reply::Response;

use super::selection::{FilterBody, Given};
use crate::body;
use crate::call::Call;
use crate::deadline::within;
use crate::endpoint::Endpoint;
use crate::openapi::operation::Operation;
use crate::problem::Problem;
use crate::reply::json;
use crate::route::{Route, call, route};

/// The most bytes of a selection.
pub(super) const BODY_BYTES: usize = 256 * 1024;

/// The most characters of a note.
pub(super) const NOTE_CHARACTERS: usize = 1000;

/// A request answers within five seconds: what is left then is told.
const TIME: Duration = Duration::from_secs(2);

pub(super) fn routes() -> Vec<Route> {
    let body = || body::read("application/json", BODY_BYTES);
    let discard = call()
        .and(body())
        .then(|call, bytes| set(call, bytes, false));
    let restore = call()
        .and(body())
        .then(|call, bytes| set(call, bytes, true));
    vec![
        route(Endpoint::DiscardDeadLetters, discard),
        route(Endpoint::RestoreDeadLetters, restore),
    ]
}

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    let example = value!({"filter": {"kind": "invalid_policy", "older_than": "7d"}, "note": "a known mistake"});
    let discard = Operation::new("dead letters", "Discard dead letters")
        .described("They are hidden from those who look for open ones, and stay until retention takes them.")
        .takes::<Wish>(example.clone())
        .answers::<Changed>(200, "They are discarded.");
    let restore = Operation::new("dead letters", "Restore discarded dead letters")
        .takes::<Wish>(example)
        .answers::<Changed>(200, "They are open again.");
    vec![
        (Endpoint::DiscardDeadLetters, discard),
        (Endpoint::RestoreDeadLetters, restore),
    ]
}

/// Which letters, and why.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Discarding")]
struct Wish {
    /// These letters; at most 1000.
    #[schemars(length(min = 1, max = 1000))]
    ids: Option<Vec<Uuid>>,
    /// Those that pass.
    filter: Option<FilterBody>,
    /// All of them.
    #[serde(default)]
    all: bool,
    /// Why; kept with each letter.
    #[schemars(length(max = 1000))]
    note: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Discarded")]
struct Changed {
    /// How many letters were changed.
    changed: u64,
    /// Whether those were all: if not, ask again.
    complete: bool,
}

pub(super) fn check_note(note: Option<&str>) -> Result<(), Problem> {
    if note.is_some_and(|note| note.chars().count() > NOTE_CHARACTERS) {
        let message = format!("may have at most {NOTE_CHARACTERS} characters");
        return Err(Problem::invalid_field("note", message));
    }
    Ok(())
}

async fn set(
    call: Call,
    bytes: Result<Bytes, Problem>,
    restore: bool,
) -> Result<Response, Problem> {
    let Wish {
        ids,
        filter,
        all,
        note,
    } = body::parse(bytes?).await?;
    check_note(note.as_deref())?;
    let until = call.context.services.clock.now();
    let state = if restore {
        State::Discarded
    } else {
        State::Open
    };
    let selection = Given { ids, filter, all }.selection(state, until)?;
    let end = Instant::now() + TIME;
    let mut result = Changed {
        changed: 0,
        complete: true,
    };
    let mut after = None;
    loop {
        let letters = call.context.services.store.dead_letters.clone();
        let (selection, note, actor) = (selection.clone(), note.clone(), call.caller.actor());
        let chunk = within(async move {
            let discarding = Discarding {
                selection: &selection,
                until,
                restore,
                note: note.as_deref(),
            };
            letters.discard(&discarding, after, &actor).await
        })
        .await?;
        result.changed += chunk.changed;
        after = chunk.next;
        if after.is_none() {
            break;
        }
        if Instant::now() >= end {
            result.complete = false;
            break;
        }
    }
    Ok(json(StatusCode::OK, &result))
}
