//! `/auth/keys`: what signs access and refresh tokens.

use std::time::Duration;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json as value;
use tars_engine::integer;
use tars_shared::account::SigningKey;
use warp::Filter as _;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::auth::REFRESH_LIFE;
use crate::body;
use crate::call::Call;
use crate::deadline::within;
use crate::endpoint::Endpoint;
use crate::openapi::operation::Operation;
use crate::problem::Problem;
use crate::reply::json;
use crate::route::{Route, call, route};

pub(super) fn routes() -> Vec<Route> {
    let body = body::read_optional("application/json", body::FORM_BYTES);
    vec![
        route(Endpoint::ListKeys, call().then(list)),
        route(Endpoint::RotateKeys, call().and(body).then(rotate)),
    ]
}

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    let list = Operation::new("accounts", "List signing keys")
        .answers::<Keys>(200, "The newest first; it signs.");
    let rotate = Operation::new("accounts", "Sign with a new key from now on")
        .may_take::<Rotation>(value!({"grace_seconds": 604_800}))
        .answers::<SigningKey>(201, "The new key.");
    vec![(Endpoint::ListKeys, list), (Endpoint::RotateKeys, rotate)]
}

/// The keys, the newest first. Their secrets are nowhere to be seen.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Keys {
    items: Vec<SigningKey>,
}

async fn list(call: Call) -> Result<Response, Problem> {
    let keys = call.context.services.store.signing_keys.clone();
    let items = within(async move { keys.list().await }).await?;
    Ok(json(StatusCode::OK, &Keys { items }))
}

/// How to rotate.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotation {
    /// Seconds for which tokens of the former keys stay good: 604800 by default, the life of a
    /// refresh token. 0 logs everybody out at once.
    #[serde(default, deserialize_with = "integer::read_optional")]
    #[schemars(range(min = 0, max = 604_800))]
    grace_seconds: Option<u32>,
}

async fn rotate(call: Call, bytes: Result<Option<Bytes>, Problem>) -> Result<Response, Problem> {
    let Rotation { grace_seconds } = match bytes? {
        Some(bytes) => body::parse(bytes).await?,
        None => Rotation::default(),
    };
    let grace = grace_seconds.map_or(REFRESH_LIFE, |seconds| Duration::from_secs(seconds.into()));
    if grace > REFRESH_LIFE {
        return Err(Problem::invalid_field(
            "grace_seconds",
            format!("must be from 0 to {}", REFRESH_LIFE.as_secs()),
        ));
    }
    let (keys, actor) = (
        call.context.services.store.signing_keys.clone(),
        call.caller.actor(),
    );
    let key = within(async move { keys.rotate(grace, &actor).await }).await?;
    call.context.authenticator.forget_keys();
    Ok(json(StatusCode::CREATED, &key))
}
