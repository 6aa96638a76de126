//! `/v1/dead-letters/replays`: replays as resources.

mod following;
mod items;
mod view;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json as value};
use tars_engine::integer;
use tars_shared::artifact::Digest;
use tars_shared::dead_letter::State;
use tars_shared::replay::{NewReplay, Plan, Replay, Selection, keyed_replay_id};
use tars_shared::request::{FieldError, Priority};
use tars_shared::store::{Begun, ReplayChange, ReplayChanged};
use uuid::Uuid;
use warp::Filter as _;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use self::view::{View, find, location, no_replay, view};
use super::discarding::{BODY_BYTES, check_note};
use super::rehearsal::{Rehearsal, rehearse};
use super::selection::{FilterBody, Given};
use crate::accept;
use crate::body;
use crate::call::Call;
use crate::deadline::{altogether, within};
use crate::endpoint::Endpoint;
use crate::openapi::operation::Operation;
use crate::page::{Listing, Page};
use crate::problem::Problem;
use crate::reply::json;
use crate::route::{Route, call, route};

/// The most jobs a second, letters of a canary, and growth of a wave.
const MOST: f64 = 10_000.0;

pub(super) fn routes() -> Vec<Route> {
    let body = body::read("application/json", BODY_BYTES);
    let form = body::read("application/json", body::FORM_BYTES);
    let reason = body::read_optional("application/json", body::FORM_BYTES);
    let resume = |call| change(call, ReplayChange::Resume);
    let cancel = |call| change(call, ReplayChange::Cancel);
    let mut routes = items::routes();
    routes.extend([
        route(Endpoint::ListReplays, call().then(list)),
        route(Endpoint::BeginReplay, call().and(body).then(begin)),
        route(Endpoint::ShowReplay, call().then(show)),
        route(Endpoint::AdjustReplay, call().and(form).then(adjust)),
        route(Endpoint::FollowReplay, call().then(following::events)),
        route(Endpoint::PauseReplay, call().and(reason).then(pause)),
        route(Endpoint::ResumeReplay, call().then(resume)),
        route(Endpoint::CancelReplay, call().then(cancel)),
    ]);
    routes
}

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    const NONE: &str = "There is no such replay.";
    const STATE: &str = "A replay in its state cannot be changed like that.";
    let tag = "dead letters";
    let list =
        Operation::new(tag, "List replays").answers::<Listing<View>>(200, "The newest first.");
    let begin = Operation::new(tag, "Replay dead letters")
        .described(
            "Its letters are those that the selection means at this moment. With `canary`, so many are replayed first, and \
             the others only when these have ended well; then wave after wave, each larger than the one before. It stops by \
             itself when what it replays fails again. Each letter becomes at most one job, in all replays.",
        )
        .takes::<Wish>(value!({
            "filter": {"kind": "timeout", "newer_than": "12h"},
            "canary": 5, "rate_per_second": 20, "patch": {"timeout_seconds": 600}, "dry_run": true,
        }))
        .answers::<Rehearsal>(200, "With `dry_run`: what would happen. Nothing did.")
        .answers::<View>(202, "It is begun, and survives any process.")
        .fails(409, "The Idempotency-Key came with another body before.");
    let show = Operation::new(tag, "Show a replay")
        .answers::<View>(200, "The replay, and how far it has come.")
        .fails(404, NONE);
    let adjust = Operation::new(tag, "Give a replay another rate or note")
        .takes::<Adjustment>(value!({"rate_per_second": 5, "note": "the database is slow today"}))
        .answers::<View>(200, "The replay.")
        .fails(404, NONE)
        .fails(409, STATE);
    let follow = Operation::new(tag, "Follow a replay")
        .described("Server-sent events: `progress` at every change and one `end`.")
        .answers_events::<View>(200, "A stream of events.")
        .fails(404, NONE);
    let pause = Operation::new(tag, "Pause a replay")
        .described("Nothing more is replayed; what was goes on.")
        .may_take::<Pause>(value!({"reason": "lunch"}))
        .answers::<View>(200, "It is paused.")
        .fails(404, NONE)
        .fails(409, STATE);
    let resume = Operation::new(tag, "Let a replay go on")
        .described("One that stopped by itself goes on too; what failed until then is not held against it any more.")
        .answers::<View>(200, "It goes on.")
        .fails(404, NONE)
        .fails(409, STATE);
    let cancel = Operation::new(tag, "End a replay")
        .described("What was replayed goes on; the other letters stay open.")
        .answers::<View>(200, "It has ended.")
        .fails(404, NONE)
        .fails(409, STATE);
    let mut all = vec![
        (Endpoint::ListReplays, list),
        (Endpoint::BeginReplay, begin),
        (Endpoint::ShowReplay, show),
        (Endpoint::AdjustReplay, adjust),
        (Endpoint::FollowReplay, follow),
        (Endpoint::PauseReplay, pause),
        (Endpoint::ResumeReplay, resume),
        (Endpoint::CancelReplay, cancel),
    ];
    all.extend(items::operations());
    all
}

/// A replay to be begun.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewReplay")]
struct Wish {
    /// These letters; at most 1000.
    #[schemars(length(min = 1, max = 1000))]
    ids: Option<Vec<Uuid>>,
    /// Those that pass.
    filter: Option<FilterBody>,
    /// All open ones.
    #[serde(default)]
    all: bool,
    /// Say what would happen, and do nothing.
    #[serde(default)]
    dry_run: bool,
    /// So many first; the others only when these have ended well.
    #[serde(default, deserialize_with = "integer::read_optional")]
    #[schemars(range(min = 1, max = 10_000))]
    canary: Option<u32>,
    /// Each wave after the canary is so many times larger than the one before.
    #[schemars(range(min = 1, max = 10_000), extend("default" = 2))]
    ramp: Option<f64>,
    /// No more than so many letters.
    #[serde(default, deserialize_with = "integer::read_optional")]
    #[schemars(range(min = 1))]
    limit: Option<u32>,
    /// No more than so many jobs a second.
    #[schemars(range(max = 10_000), extend("exclusiveMinimum" = 0))]
    rate_per_second: Option<f64>,
    /// Stop when a larger share of what was replayed has failed again, of at least ten jobs or of the whole canary. Without
    /// it, one canary that fails is enough, and afterwards half of them.
    #[schemars(range(min = 0, max = 1))]
    stop_at_failure_rate: Option<f64>,
    /// Which queue the new jobs wait in.
    #[schemars(extend("default" = "low"))]
    priority: Option<Priority>,
    /// A JSON merge patch (RFC 7396) on each request, as a body of `POST /v1/evaluate`.
    patch: Option<serde_json::Map<String, Value>>,
    /// Why.
    #[schemars(length(max = 1000))]
    note: Option<String>,
}

impl Wish {
    fn plan(&self) -> Result<Plan, Problem> {
        let mut errors = Vec::new();
        let mut check = |field: &str, fits: bool, message: &str| {
            if !fits {
                errors.push(FieldError::new(field, message));
            }
        };
        let canary = self
            .canary
            .is_none_or(|canary| (1..=10_000).contains(&canary));
        check("canary", canary, "must be from 1 to 10000");
        let ramp = self.ramp.is_none_or(|ramp| (1.0..=MOST).contains(&ramp));
        check("ramp", ramp, "must be from 1 to 10000");
        let ramped = self.ramp.is_none() || self.canary.is_some();
        check("ramp", ramped, "waves begin with a canary: give canary too");
        check("limit", self.limit != Some(0), "must be at least 1");
        check("rate_per_second", fits_rate(self.rate_per_second), RATE);
        let share = self.stop_at_failure_rate;
        let share = share.is_none_or(|share| (0.0..=1.0).contains(&share));
        check("stop_at_failure_rate", share, "must be from 0 to 1");
        if !errors.is_empty() {
            return Err(Problem::invalid(errors));
        }
        check_note(self.note.as_deref())?;
        Ok(Plan {
            canary: self.canary,
            ramp: self.ramp,
            limit: self.limit,
            rate_per_second: self.rate_per_second,
            stop_at_failure_rate: self.stop_at_failure_rate,
            priority: self.priority.unwrap_or(Priority::Low),
            patch: self.patch.clone().map(Value::Object),
        })
    }
}

const RATE: &str = "must be above 0 and at most 10000";

fn fits_rate(rate: Option<f64>) -> bool {
    rate.is_none_or(|rate| rate > 0.0 && rate <= MOST)
}

async fn begin(call: Call, bytes: Result<Bytes, Problem>) -> Result<Response, Problem> {
    let bytes = bytes?;
    let request_hash = Digest::of(&bytes);
    let wish: Wish = body::parse(bytes).await?;
    let (context, plan) = (&call.context, wish.plan()?);
    let now = context.services.clock.now();
    let (ids, filter, all) = (wish.ids, wish.filter, wish.all);
    let selection = Given { ids, filter, all }.selection(State::Open, now)?;
    check_ids(&call, &selection).await?;
    if let Some(Value::String(url)) = plan
        .patch
        .as_ref()
        .and_then(|patch| patch.get("callback_url"))
    {
        accept::admit(context, url).map_err(|complaint| Problem::invalid(vec![complaint]))?;
    }
    if wish.dry_run {
        let rehearsal = altogether(rehearse(context, &selection, &plan)).await?;
        return Ok(json(StatusCode::OK, &rehearsal));
    }
    let key = call.values.text("Idempotency-Key");
    let new_id = || context.services.clock.new_id();
    let replay = NewReplay {
        id: key.map_or_else(new_id, |key| keyed_replay_id(&call.caller.owner(), key)),
        request_hash,
        selection,
        plan,
        note: wish.note,
    };
    let (replays, actor) = (context.services.store.replays.clone(), call.caller.actor());
    match within(async move { replays.begin(&replay, &actor).await }).await? {
        Begun::New(replay) | Begun::Known(replay) => {
            let path = HeaderValue::try_from(location(replay.id));
            let mut response = json(StatusCode::ACCEPTED, &view(replay));
            let path = path.map_err(|_| Problem::internal())?;
            response.headers_mut().insert(header::LOCATION, path);
            Ok(response)
        }
        Begun::Conflict => {
            let detail = "this Idempotency-Key came with another body before: use a new key";
            Err(Problem::conflict("idempotency_key_reused", detail))
        }
    }
}

/// Refuses ids that name no letter: whoever names letters one by one means each of them.
async fn check_ids(call: &Call, selection: &Selection) -> Result<(), Problem> {
    let Selection::Ids(ids) = selection else {
        return Ok(());
    };
    let (letters, asked) = (
        call.context.services.store.dead_letters.clone(),
        ids.clone(),
    );
    let found = within(async move { letters.known(&asked).await }).await?;
    match ids.iter().find(|id| !found.contains(id)) {
        Some(unknown) => {
            let message = format!("there is no dead letter {unknown}");
            Err(Problem::invalid_field("ids", message))
        }
        None => Ok(()),
    }
}

async fn list(call: Call) -> Result<Response, Problem> {
    let page = Page::<(DateTime<Utc>, Uuid)>::of(&call.values)?;
    let replays = call.context.services.store.replays.clone();
    let (before, limit) = (page.after, page.fetch_limit());
    let found = within(async move { replays.list(before, limit).await }).await?;
    let position = |replay: &Replay| (replay.created_at, replay.id);
    Ok(json(
        StatusCode::OK,
        &Listing::new(found, page.limit, position, view),
    ))
}

async fn show(call: Call) -> Result<Response, Problem> {
    Ok(json(StatusCode::OK, &view(find(&call).await?)))
}

/// What is changed about a replay.
#[expect(clippy::option_option, reason = "null is another value than nothing")]
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ReplayAdjustment")]
struct Adjustment {
    /// No more than so many jobs a second; null for as many as there can be.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<f64>", range(max = 10_000), extend("exclusiveMinimum" = 0))]
    rate_per_second: Option<Option<f64>>,
    /// Why.
    #[schemars(length(max = 1000))]
    note: Option<String>,
}

/// Null is a value here, and not the same as nothing.
#[expect(clippy::option_option, reason = "null is another value than nothing")]
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<f64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

async fn adjust(call: Call, bytes: Result<Bytes, Problem>) -> Result<Response, Problem> {
    let Adjustment {
        rate_per_second,
        note,
    } = body::parse(bytes?).await?;
    check_note(note.as_deref())?;
    if !fits_rate(rate_per_second.flatten()) {
        return Err(Problem::invalid_field("rate_per_second", RATE));
    }
    let adjusted = ReplayChange::Adjust {
        rate_per_second,
        note,
    };
    change(call, adjusted).await
}

/// Why a replay is paused.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ReplayPause")]
struct Pause {
    #[schemars(length(max = 1000))]
    reason: Option<String>,
}

async fn pause(call: Call, bytes: Result<Option<Bytes>, Problem>) -> Result<Response, Problem> {
    let Pause { reason } = match bytes? {
        Some(bytes) => body::parse(bytes).await?,
        None => Pause::default(),
    };
    check_note(reason.as_deref())?;
    change(call, ReplayChange::Pause { reason }).await
}

async fn change(call: Call, change: ReplayChange) -> Result<Response, Problem> {
    let id = call.values.id()?;
    let (replays, actor) = (
        call.context.services.store.replays.clone(),
        call.caller.actor(),
    );
    let changed = within(async move { replays.change(id, &change, &actor).await }).await?;
    match changed.ok_or_else(|| no_replay(id))? {
        ReplayChanged::Made(replay) => Ok(json(StatusCode::OK, &view(*replay))),
        ReplayChanged::Impossible(state) => Err(Problem::conflict(
            "replay_state",
            format!("the replay is {state}"),
        )),
    }
}
