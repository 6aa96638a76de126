//! `/auth/users`: who has an account.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json as value;
use tars_shared::account::{Name, NewUser, Role, User, password};
use tars_shared::store::{UserChange, UserChanged};
use warp::Filter as _;
use warp::http::StatusCode;
use warp::reply::Response;
use zeroize::Zeroizing;

use crate::auth::login;
use crate::body;
use crate::call::Call;
use crate::deadline::{altogether, within};
use crate::endpoint::Endpoint;
use crate::openapi::operation::Operation;
use crate::page::{Listing, Page};
use crate::problem::Problem;
use crate::reply::json;
use crate::route::{Route, call, route};

pub(super) fn routes() -> Vec<Route> {
    let body = || body::read("application/json", body::FORM_BYTES);
    vec![
        route(Endpoint::ListUsers, call().then(list)),
        route(Endpoint::AddUser, call().and(body()).then(add)),
        route(Endpoint::ShowUser, call().then(show)),
        route(Endpoint::ChangeUser, call().and(body()).then(change)),
    ]
}

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    let list = Operation::new("accounts", "List users").answers::<Listing<User>>(200, "By name.");
    let add = Operation::new("accounts", "Add a user")
        .takes::<Addition>(value!({"name": "ada", "role": "developer", "password": "correct horse battery staple"}))
        .answers::<User>(201, "The user is added.")
        .fails(409, "The name is taken.");
    let show = Operation::new("accounts", "Show a user")
        .answers::<User>(200, "The user.")
        .fails(404, "There is no such user.");
    let change = Operation::new(
        "accounts",
        "Change a user's role or password, disable or enable them",
    )
    .described("Acts at once here and within five seconds everywhere.")
    .takes::<Change>(value!({"role": "admin"}))
    .answers::<User>(200, "The user now.")
    .fails(404, "There is no such user.")
    .fails(409, "Nobody would be left who could undo it.");
    vec![
        (Endpoint::ListUsers, list),
        (Endpoint::AddUser, add),
        (Endpoint::ShowUser, show),
        (Endpoint::ChangeUser, change),
    ]
}

async fn list(call: Call) -> Result<Response, Problem> {
    let page = Page::<Name>::of(&call.values)?;
    let (users, after, limit) = (
        call.context.services.store.users.clone(),
        page.after.clone(),
        page.fetch_limit(),
    );
    let found = within(async move { users.list(after.as_ref(), limit).await }).await?;
    Ok(json(
        StatusCode::OK,
        &Listing::new(
            found,
            page.limit,
            |user: &User| user.name.clone(),
            |user| user,
        ),
    ))
}

/// A user to be added.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Addition {
    /// What they log in with. It never changes.
    name: Name,
    /// What they may do.
    role: Role,
    /// At least 12 characters, and not an example that everybody tries first.
    #[schemars(length(min = 12, max = 256), example = &"correct horse battery staple")]
    password: String,
}

async fn add(call: Call, bytes: Result<Bytes, Problem>) -> Result<Response, Problem> {
    let addition = body::parse(bytes?).await?;
    altogether(add_user(call, addition)).await
}

async fn add_user(call: Call, addition: Addition) -> Result<Response, Problem> {
    let Addition {
        name,
        role,
        password,
    } = addition;
    let password_hash = checked_hash(password).await?;
    let new = NewUser {
        name: name.clone(),
        role,
        password_hash,
    };
    let (users, actor) = (
        call.context.services.store.users.clone(),
        call.caller.actor(),
    );
    match within(async move { users.add(&new, &actor).await }).await? {
        Some(user) => Ok(json(StatusCode::CREATED, &user)),
        None => Err(Problem::conflict(
            "name_taken",
            format!("there is a user {name} already"),
        )),
    }
}

async fn checked_hash(password: String) -> Result<String, Problem> {
    let password = Zeroizing::new(password);
    password::check(&password)
        .map_err(|complaint| Problem::invalid_field("password", complaint))?;
    login::hash(password).await
}

async fn show(call: Call) -> Result<Response, Problem> {
    let name: Name = call.values.of_path("name")?;
    let (users, wanted) = (call.context.services.store.users.clone(), name.clone());
    let user = within(async move { users.find(&wanted).await }).await?;
    Ok(json(StatusCode::OK, &user.ok_or_else(|| no_user(&name))?))
}

fn no_user(name: &Name) -> Problem {
    Problem::not_found(format!("there is no user {name}"))
}

/// What to change about a user: exactly one of these.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Change {
    /// What they may do from now on.
    Role(Role),
    /// True ends all of their sessions and lets them log in no more.
    Disabled(bool),
    /// A new password; ends all of their sessions.
    Password(#[schemars(length(min = 12, max = 256))] String),
}

/// A role or a password acts at the next request, within seconds everywhere.
async fn change(call: Call, bytes: Result<Bytes, Problem>) -> Result<Response, Problem> {
    let change = body::parse(bytes?).await?;
    altogether(change_user(call, change)).await
}

async fn change_user(call: Call, change: Change) -> Result<Response, Problem> {
    let name: Name = call.values.of_path("name")?;
    let change = match change {
        Change::Role(role) => UserChange::Role(role),
        Change::Disabled(disabled) => UserChange::Disabled(disabled),
        Change::Password(password) => UserChange::Password(checked_hash(password).await?),
    };
    let (users, actor, wanted) = (
        call.context.services.store.users.clone(),
        call.caller.actor(),
        name.clone(),
    );
    match within(async move { users.change(&wanted, &change, &actor).await }).await? {
        Some(UserChanged::Done { user, sessions }) => {
            call.context.authenticator.forget_sessions(&sessions).await;
            Ok(json(StatusCode::OK, &user))
        }
        Some(UserChanged::LastAdmin) => {
            let detail = format!("{name} is the last administrator: nobody could undo it");
            Err(Problem::conflict("last_admin", detail))
        }
        // Only a user's own change is checked against the password that there was.
        Some(UserChanged::OtherPassword) => Err(Problem::internal()),
        None => Err(no_user(&name)),
    }
}
