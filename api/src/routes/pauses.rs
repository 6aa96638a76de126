//! `/v1/pauses`: jobs that are not begun for a while.

use bytes::Bytes;
use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json as value;
use tars_engine::{catalogue, integer};
use tars_shared::account::Name;
use tars_shared::pause::{MAX_PAUSES, NewPause, Pause, Scope};
use uuid::Uuid;
use warp::Filter as _;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::body;
use crate::call::Call;
use crate::deadline::within;
use crate::endpoint::Endpoint;
use crate::openapi::operation::Operation;
use crate::problem::Problem;
use crate::reply::json;
use crate::route::{Route, call, route};

const REASON_CHARACTERS: usize = 500;
const MAX_SECONDS: u32 = 31_536_000;

pub(super) fn routes() -> Vec<Route> {
    let body = body::read("application/json", body::FORM_BYTES);
    vec![
        route(Endpoint::ListPauses, call().then(list)),
        route(Endpoint::BeginPause, call().and(body).then(begin)),
        route(Endpoint::EndPause, call().then(end)),
    ]
}

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    let list = Operation::new("operations", "List pauses")
        .answers::<Pauses>(200, "Those in force, the oldest first.");
    let begin = Operation::new("operations", "Pause jobs")
        .described(
            "Within a second or two no worker begins a job that the pause covers; what runs is finished, and submissions \
             are accepted. Jobs that wait say who paused them, and why.",
        )
        .takes::<Beginning>(value!({
            "scope": "environment",
            "value": "CartPole-v1",
            "reason": "its episodes are being looked into",
            "seconds": 3600,
        }))
        .answers::<Pause>(201, "They are paused.")
        .fails(409, "There are too many pauses.");
    let end = Operation::new("operations", "Resume jobs")
        .answers::<Pause>(
            200,
            "The pause that is over. What it held begins within seconds.",
        )
        .fails(404, "No such pause is in force.");
    vec![
        (Endpoint::ListPauses, list),
        (Endpoint::BeginPause, begin),
        (Endpoint::EndPause, end),
    ]
}

#[derive(Serialize, JsonSchema)]
struct Pauses {
    items: Vec<Holding>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PauseInForce")]
struct Holding {
    #[serde(flatten)]
    pause: Pause,
    /// Jobs that a worker has met and set aside for it. Others that it covers may wait in the queue.
    held: u64,
}

async fn list(call: Call) -> Result<Response, Problem> {
    let port = call.context.services.store.pauses.clone();
    let (paused, held) =
        within(async move { Ok((port.paused().await?, port.held().await?)) }).await?;
    let holding = |pause: Pause| Holding {
        held: held.get(&pause.id).copied().unwrap_or_default(),
        pause,
    };
    let items = paused.in_force.into_iter().map(holding).collect();
    Ok(json(StatusCode::OK, &Pauses { items }))
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "PauseScope")]
enum ScopeName {
    All,
    Priority,
    Environment,
    Submitter,
}

impl ScopeName {
    fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Priority => "priority",
            Self::Environment => "environment",
            Self::Submitter => "submitter",
        }
    }
}

/// A line with something in it, for those who read the document.
const REASON_FORM: &str = r"^[^\x00-\x1f\x7f-\x9f]*[!-~][^\x00-\x1f\x7f-\x9f]*$";

/// A pause to begin.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PauseBeginning")]
struct Beginning {
    /// Which jobs.
    scope: ScopeName,
    /// Left out for `all`; a priority, an environment of the catalogue, or an account:
    /// `user:NAME`, or `token:ID` for a service token.
    #[schemars(length(max = 128))]
    value: Option<String>,
    /// Why; whoever waits reads it.
    #[schemars(length(min = 1, max = REASON_CHARACTERS), extend("pattern" = REASON_FORM))]
    reason: String,
    /// Seconds after which it ends by itself; null where somebody will end it.
    #[serde(default, deserialize_with = "integer::read_optional")]
    #[schemars(range(min = 1, max = MAX_SECONDS))]
    seconds: Option<u32>,
}

impl Beginning {
    fn validate(self, now: chrono::DateTime<chrono::Utc>) -> Result<NewPause, Problem> {
        let value = self.value.unwrap_or_default();
        let scope = Scope::of(self.scope.as_str(), &value)
            .map_err(|complaint| Problem::invalid_field("value", complaint))?;
        check(&scope).map_err(|complaint| Problem::invalid_field("value", complaint))?;
        let reason = self.reason.trim();
        let characters = reason.chars().count();
        if characters == 0 || characters > REASON_CHARACTERS || reason.chars().any(char::is_control)
        {
            let complaint = format!(
                "must be 1 to {REASON_CHARACTERS} characters on one line: whoever waits reads it"
            );
            return Err(Problem::invalid_field("reason", complaint));
        }
        if self
            .seconds
            .is_some_and(|seconds| !(1..=MAX_SECONDS).contains(&seconds))
        {
            let complaint = format!("must be from 1 to {MAX_SECONDS}, or null");
            return Err(Problem::invalid_field("seconds", complaint));
        }
        Ok(NewPause {
            scope,
            reason: reason.to_owned(),
            until: self
                .seconds
                .map(|seconds| now + TimeDelta::seconds(seconds.into())),
        })
    }
}

/// A pause that can cover nothing is a mistake.
fn check(scope: &Scope) -> Result<(), &'static str> {
    match scope {
        Scope::All | Scope::Priority(_) => Ok(()),
        Scope::Environment(id) if catalogue::find(id).is_some() => Ok(()),
        Scope::Environment(_) => Err("is not in the catalogue: see GET /v1/environments"),
        Scope::Submitter(submitter) => {
            let is_account = match submitter.split_once(':') {
                Some(("user", name)) => name.parse::<Name>().is_ok(),
                Some(("token", id)) => id.len() == 36 && Uuid::try_parse(id).is_ok(),
                _ => false,
            };
            let complaint = "must be user:NAME, or token:ID with the id of a service token";
            is_account.then_some(()).ok_or(complaint)
        }
    }
}

async fn begin(call: Call, bytes: Result<Bytes, Problem>) -> Result<Response, Problem> {
    let services = &call.context.services;
    let wanted = body::parse::<Beginning>(bytes?).await?;
    let pause = wanted.validate(services.clock.now())?;
    let (pauses, actor) = (services.store.pauses.clone(), call.caller.actor());
    let begun = within(async move { pauses.pause(&pause, &actor).await })
        .await?
        .ok_or_else(|| {
            let detail = format!("there are {MAX_PAUSES} pauses already: end one of them first");
            Problem::conflict("too_many_pauses", detail)
        })?;
    look_again(&call).await;
    Ok(json(StatusCode::CREATED, &begun))
}

async fn end(call: Call) -> Result<Response, Problem> {
    let id = call.values.id()?;
    let (pauses, actor) = (
        call.context.services.store.pauses.clone(),
        call.caller.actor(),
    );
    let ended = within(async move { pauses.resume(id, &actor).await })
        .await?
        .ok_or_else(|| Problem::not_found(format!("no pause {id} is in force")))?;
    look_again(&call).await;
    Ok(json(StatusCode::OK, &ended))
}

/// Here it is known at once. Should the store not answer now, it is in a second.
async fn look_again(call: &Call) {
    let context = &call.context;
    if let Err(error) = context.outlook.look_at_pauses(&context.services).await {
        tracing::debug!(%error, "what is paused is known later");
    }
}
