//! `/auth/service-tokens`: secrets for programs.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json as value;
use tars_engine::integer;
use tars_shared::account::secret::{Secret, TokenHash};
use tars_shared::account::{Name, NewServiceToken, Role, ServiceToken};
use uuid::Uuid;
use warp::Filter as _;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::body;
use crate::call::Call;
use crate::deadline::within;
use crate::endpoint::Endpoint;
use crate::openapi::operation::Operation;
use crate::page::{Listing, Page};
use crate::problem::Problem;
use crate::reply::json;
use crate::route::{Route, call, route};

const DAYS: std::ops::RangeInclusive<u32> = 1..=3650;
const REQUESTS: std::ops::RangeInclusive<u32> = 1..=1_000_000;

pub(super) fn routes() -> Vec<Route> {
    let body = body::read("application/json", body::FORM_BYTES);
    vec![
        route(Endpoint::ListServiceTokens, call().then(list)),
        route(Endpoint::CreateServiceToken, call().and(body).then(create)),
        route(Endpoint::RotateServiceToken, call().then(rotate)),
        route(Endpoint::RevokeServiceToken, call().then(revoke)),
    ]
}

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    let list = Operation::new("accounts", "List service tokens")
        .answers::<Listing<ServiceToken>>(200, "The newest first, without their secrets.");
    let create = Operation::new("accounts", "Make a service token")
        .takes::<Creation>(
            value!({"name": "nightly-ci", "role": "developer", "expires_in_days": 90}),
        )
        .answers::<Made>(201, "The token, with its secret for this once.")
        .fails(409, "The name is taken.");
    let rotate = Operation::new("accounts", "Give a service token a new secret")
        .answers::<Made>(
            200,
            "The token with its new secret. The old one is good for nothing.",
        )
        .fails(404, "There is none that could be used.");
    let revoke = Operation::new("accounts", "Revoke a service token for good")
        .answers::<ServiceToken>(200, "It is revoked.")
        .fails(404, "There is none.");
    vec![
        (Endpoint::ListServiceTokens, list),
        (Endpoint::CreateServiceToken, create),
        (Endpoint::RotateServiceToken, rotate),
        (Endpoint::RevokeServiceToken, revoke),
    ]
}

async fn list(call: Call) -> Result<Response, Problem> {
    let page = Page::<(DateTime<Utc>, Uuid)>::of(&call.values)?;
    let tokens = call.context.services.store.service_tokens.clone();
    let (before, limit) = (page.after, page.fetch_limit());
    let found = within(async move { tokens.list(before, limit).await }).await?;
    let position = |token: &ServiceToken| (token.created_at, token.id);
    Ok(json(
        StatusCode::OK,
        &Listing::new(found, page.limit, position, |token| token),
    ))
}

/// A service token to be made.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Creation {
    /// What it is for.
    name: Name,
    /// What its bearer may do.
    role: Role,
    /// Days until it expires; null for never.
    #[serde(default, deserialize_with = "integer::read_optional")]
    #[schemars(range(min = 1, max = 3650))]
    expires_in_days: Option<u32>,
    /// Requests that its bearer may make per minute; null for the service's default.
    #[serde(default, deserialize_with = "integer::read_optional")]
    #[schemars(range(min = 1, max = 1_000_000))]
    requests_per_minute: Option<u32>,
}

/// A service token with its secret, which is shown this once.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Made {
    /// Send it as `Authorization: Bearer …`. It cannot be shown again.
    secret: String,
    /// What there is to know about it later.
    token: ServiceToken,
}

fn check(
    field: &str,
    number: Option<u32>,
    bounds: &std::ops::RangeInclusive<u32>,
) -> Result<(), Problem> {
    if number.is_none_or(|number| bounds.contains(&number)) {
        return Ok(());
    }
    let message = format!(
        "must be from {} to {}, or null",
        bounds.start(),
        bounds.end()
    );
    Err(Problem::invalid_field(field, message))
}

async fn create(call: Call, bytes: Result<Bytes, Problem>) -> Result<Response, Problem> {
    let wanted: Creation = body::parse(bytes?).await?;
    check("expires_in_days", wanted.expires_in_days, &DAYS)?;
    check("requests_per_minute", wanted.requests_per_minute, &REQUESTS)?;
    let life = wanted
        .expires_in_days
        .map(|days| TimeDelta::days(days.into()));
    let clock = &*call.context.services.clock;
    let (new, secret) = NewServiceToken::make(
        clock,
        wanted.name.clone(),
        wanted.role,
        wanted.requests_per_minute,
        life,
    )
    .map_err(no_secret)?;
    let (tokens, actor) = (
        call.context.services.store.service_tokens.clone(),
        call.caller.actor(),
    );
    let token = within(async move { tokens.add(&new, &actor).await }).await?.ok_or_else(|| {
        let detail = format!(
            "there is a service token {} already: revoke it first, or rotate it unless it has expired",
            wanted.name
        );
        Problem::conflict("name_taken", detail)
    })?;
    Ok(json(
        StatusCode::CREATED,
        &Made {
            secret: secret.expose().to_owned(),
            token,
        },
    ))
}

fn no_secret(error: impl std::fmt::Display) -> Problem {
    tracing::error!(%error, "cannot make a secret");
    Problem::internal()
}

/// Gives the token a new secret. The old one is good for nothing from then on.
async fn rotate(call: Call) -> Result<Response, Problem> {
    let id = call.values.id()?;
    let secret = Secret::for_token(id).map_err(no_secret)?;
    let (tokens, actor) = (
        call.context.services.store.service_tokens.clone(),
        call.caller.actor(),
    );
    let hash = TokenHash::of(secret.expose());
    let token = within(async move { tokens.rotate(id, hash, &actor).await })
        .await?
        .ok_or_else(|| no_token(id))?;
    call.context.authenticator.forget_token(id).await;
    Ok(json(
        StatusCode::OK,
        &Made {
            secret: secret.expose().to_owned(),
            token,
        },
    ))
}

async fn revoke(call: Call) -> Result<Response, Problem> {
    let id = call.values.id()?;
    let (tokens, actor) = (
        call.context.services.store.service_tokens.clone(),
        call.caller.actor(),
    );
    let token = within(async move { tokens.revoke(id, &actor).await })
        .await?
        .ok_or_else(|| no_token(id))?;
    call.context.authenticator.forget_token(id).await;
    Ok(json(StatusCode::OK, &token))
}

fn no_token(id: Uuid) -> Problem {
    Problem::not_found(format!("there is no service token {id} that could be used"))
}
