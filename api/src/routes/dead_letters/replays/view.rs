//! Replays as clients see them.

use schemars::JsonSchema;
use serde::Serialize;
use tars_shared::replay::Replay;
use uuid::Uuid;

use crate::call::Call;
use crate::deadline::within;
use crate::problem::Problem;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Replay")]
pub(super) struct View {
    #[serde(flatten)]
    replay: Replay,
    links: Links,
}

/// Where to go from a replay.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ReplayLinks")]
struct Links {
    #[serde(rename = "self")]
    itself: String,
    events: String,
    items: String,
    pause: String,
    resume: String,
    cancel: String,
}

pub(super) fn location(id: Uuid) -> String {
    format!("/v1/dead-letters/replays/{id}")
}

pub(super) fn view(replay: Replay) -> View {
    let itself = location(replay.id);
    let to = |what| format!("{itself}/{what}");
    let links = Links {
        events: to("events"),
        items: to("items"),
        pause: to("pause"),
        resume: to("resume"),
        cancel: to("cancel"),
        itself,
    };
    let replay = Replay {
        plan: replay.plan.shown(),
        ..replay
    };
    View { replay, links }
}

pub(super) async fn find(call: &Call) -> Result<Replay, Problem> {
    let (id, replays) = (
        call.values.id()?,
        call.context.services.store.replays.clone(),
    );
    let found = within(async move { replays.find(id).await }).await?;
    found.ok_or_else(|| no_replay(id))
}

pub(super) fn no_replay(id: Uuid) -> Problem {
    Problem::not_found(format!("there is no replay {id}"))
}
