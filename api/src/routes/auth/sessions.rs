//! Logging in, staying in, logging out, and one's own password.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json as value;
use tars_shared::account::{Actor, Name, NewSession, Role, User, password};
use tars_shared::store::{Refreshed, UserChange, UserChanged};
use warp::Filter as _;
use warp::http::StatusCode;
use warp::reply::Response;
use zeroize::Zeroizing;

use crate::auth::caller::Identity;
use crate::auth::{ACCESS_LIFE, REFRESH_LIFE, login};
use crate::body;
use crate::call::Call;
use crate::deadline::{altogether, within};
use crate::endpoint::Endpoint;
use crate::openapi::operation::Operation;
use crate::problem::Problem;
use crate::reply::{json, no_content};
use crate::route::{Route, call, route};

pub(super) fn routes() -> Vec<Route> {
    let body = || body::read("application/json", body::FORM_BYTES);
    vec![
        route(Endpoint::Login, call().and(body()).then(log_in)),
        route(Endpoint::Refresh, call().and(body()).then(refresh)),
        route(Endpoint::Logout, call().then(log_out)),
        route(Endpoint::Me, call().then(me)),
        route(
            Endpoint::ChangePassword,
            call().and(body()).then(change_password),
        ),
    ]
}

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    let log_in = Operation::new("accounts", "Log in")
        .takes::<Credentials>(
            value!({"username": "ada", "password": "correct horse battery staple"}),
        )
        .answers::<Tokens>(200, "Tokens of a new session.")
        .fails(
            401,
            "The name or the password is wrong, or the account is disabled.",
        );
    let refresh = Operation::new("accounts", "Trade a refresh token for the next pair")
        .takes::<Renewal>(
            value!({"refresh_token": "eyJ0eXAiOiJydCtqd3QiLCJhbGciOiJIUzI1NiJ9.e30.AA"}),
        )
        .answers::<Tokens>(
            200,
            "The next pair. The token that was traded is good for nothing.",
        )
        .fails(
            401,
            "The token is not valid; one that was traded before ends its session.",
        );
    let log_out = Operation::new("accounts", "Log out")
        .answers_nothing(204, "The session has ended, and all of its tokens with it.")
        .fails(409, "A service token has no session.");
    let me = Operation::new("accounts", "Who am I?").answers::<Me>(200, "You.");
    let change_password = Operation::new("accounts", "Change one's own password")
        .takes::<NewPassword>(value!({
            "current_password": "correct horse battery staple",
            "new_password": "a sentence is easier to remember",
        }))
        .answers_nothing(204, "It is changed, and all sessions have ended.")
        .fails(409, "A service token has no password.");
    vec![
        (Endpoint::Login, log_in),
        (Endpoint::Refresh, refresh),
        (Endpoint::Logout, log_out),
        (Endpoint::Me, me),
        (Endpoint::ChangePassword, change_password),
    ]
}

/// Who logs in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    /// The user's name.
    #[schemars(length(max = 256), example = &"ada")]
    username: String,
    #[schemars(length(max = 256), example = &"correct horse battery staple")]
    password: String,
}

/// A pair of tokens.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Tokens {
    /// Send it as `Authorization: Bearer …`.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds for which the access token is good.
    expires_in: u64,
    /// Trade it at `/auth/refresh`, once: a token that comes a second time ends the session.
    refresh_token: String,
    /// Seconds for which the refresh token is good.
    refresh_expires_in: u64,
    /// Who logged in.
    username: Name,
    /// What they may do now. It is looked up at every request.
    role: Role,
}

async fn log_in(call: Call, bytes: Result<Bytes, Problem>) -> Result<Response, Problem> {
    let credentials = body::parse(bytes?).await?;
    altogether(open_session(call, credentials)).await
}

async fn open_session(call: Call, credentials: Credentials) -> Result<Response, Problem> {
    let Credentials { username, password } = credentials;
    let password = Zeroizing::new(password);
    if password.len() > password::MAX_BYTES {
        return Err(Problem::invalid_field(
            "password",
            "must have at most 256 bytes",
        ));
    }
    let (context, clock) = (&call.context, &call.context.services.clock);
    let login::Verified { user, hash } =
        login::log_in(context, &username, call.caller.address, password).await?;
    let session = NewSession {
        id: clock.new_id(),
        user_id: user.id,
        refresh_id: clock.new_id(),
        expires_at: clock.now() + REFRESH_LIFE,
    };
    // Signed first: a session that nobody holds a token of would be of no use.
    let pair = context
        .authenticator
        .issue(user.id, session.id, session.refresh_id)
        .await?;
    let actor = Actor {
        name: format!("user:{}", user.name),
        address: Some(call.caller.address),
    };
    let sessions = context.services.store.sessions.clone();
    if !within(async move { sessions.open(&session, &hash, &actor).await }).await? {
        return Err(login::wrong());
    }
    tracing::info!(user.name = %user.name, "logged in");
    Ok(json(
        StatusCode::OK,
        &tokens(pair.access, pair.refresh, user),
    ))
}

fn tokens(access_token: String, refresh_token: String, user: User) -> Tokens {
    Tokens {
        access_token,
        token_type: "Bearer",
        expires_in: ACCESS_LIFE.as_secs(),
        refresh_token,
        refresh_expires_in: REFRESH_LIFE.as_secs(),
        username: user.name,
        role: user.role,
    }
}

/// What is traded for the next pair.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Renewal {
    /// The refresh token of the last answer.
    #[schemars(length(max = 2048))]
    refresh_token: String,
}

async fn refresh(call: Call, bytes: Result<Bytes, Problem>) -> Result<Response, Problem> {
    let Renewal { refresh_token } = body::parse(bytes?).await?;
    altogether(trade(call, refresh_token)).await
}

async fn trade(call: Call, refresh_token: String) -> Result<Response, Problem> {
    let context = &call.context;
    let claims = context.authenticator.refresh_claims(&refresh_token).await?;
    let (session, next) = (claims.sid, context.services.clock.new_id());
    let pair = context
        .authenticator
        .issue(claims.sub, session, next)
        .await?;
    let expires_at = context.services.clock.now() + REFRESH_LIFE;
    // Whose it is, is known after the trade; until then the id has to do.
    let actor = Actor {
        name: "service".to_owned(),
        address: Some(call.caller.address),
    };
    let sessions = context.services.store.sessions.clone();
    let traded = within(async move {
        sessions
            .refresh(session, claims.jti, next, expires_at, &actor)
            .await
    })
    .await?;
    match traded {
        Refreshed::Traded(user) => Ok(json(
            StatusCode::OK,
            &tokens(pair.access, pair.refresh, user),
        )),
        Refreshed::Reused => {
            tracing::warn!(session.id = %session, "a refresh token came a second time: its session has ended");
            context.authenticator.forget_sessions(&[session]).await;
            Err(Problem::revoked())
        }
        Refreshed::Over => Err(Problem::revoked()),
    }
}

async fn log_out(call: Call) -> Result<Response, Problem> {
    let Identity::User { session, .. } = call.caller.identity else {
        return Err(not_a_user());
    };
    let (sessions, actor) = (
        call.context.services.store.sessions.clone(),
        call.caller.actor(),
    );
    within(async move { sessions.end(session, &actor).await }).await?;
    call.context.authenticator.forget_sessions(&[session]).await;
    Ok(no_content())
}

fn not_a_user() -> Problem {
    Problem::conflict(
        "not_a_user",
        "a service token has no session and no password: see /auth/service-tokens",
    )
}

/// Who asks.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Me {
    /// As jobs and the audit log name you: `user:NAME` or `token:NAME`.
    subject: String,
    /// Your name.
    name: Name,
    /// What you may do.
    role: Role,
}

async fn me(call: Call) -> Result<Response, Problem> {
    let subject = call.caller.subject();
    match call.caller.identity.clone() {
        Identity::User { name, role, .. } | Identity::ServiceToken { name, role, .. } => Ok(json(
            StatusCode::OK,
            &Me {
                subject,
                name,
                role,
            },
        )),
        Identity::Anonymous => Err(Problem::invalid_token()),
    }
}

/// A new password for oneself.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    /// The password until now.
    #[schemars(length(max = 256))]
    current_password: String,
    /// At least 12 characters, and not an example that everybody tries first.
    #[schemars(length(min = 12, max = 256))]
    new_password: String,
}

async fn change_password(call: Call, bytes: Result<Bytes, Problem>) -> Result<Response, Problem> {
    let passwords = body::parse(bytes?).await?;
    altogether(exchange_passwords(call, passwords)).await
}

async fn exchange_passwords(call: Call, passwords: NewPassword) -> Result<Response, Problem> {
    let NewPassword {
        current_password,
        new_password,
    } = passwords;
    let Identity::User { name, .. } = call.caller.identity.clone() else {
        return Err(not_a_user());
    };
    password::check(&new_password)
        .map_err(|complaint| Problem::invalid_field("new_password", complaint))?;
    let context = &call.context;
    let wrong = || Problem::invalid_field("current_password", "is wrong");
    let verified = login::log_in(
        context,
        name.as_str(),
        call.caller.address,
        Zeroizing::new(current_password),
    )
    .await;
    let login::Verified {
        hash: verified_hash,
        ..
    } = match verified {
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => return Err(wrong()),
        outcome => outcome?,
    };
    let hash = login::hash(Zeroizing::new(new_password)).await?;
    let (users, actor) = (context.services.store.users.clone(), call.caller.actor());
    let change = UserChange::OwnPassword {
        verified_hash,
        hash,
    };
    match within(async move { users.change(&name, &change, &actor).await }).await? {
        Some(UserChanged::Done { sessions, .. }) => {
            context.authenticator.forget_sessions(&sessions).await;
            Ok(no_content())
        }
        Some(UserChanged::OtherPassword | UserChanged::LastAdmin) | None => Err(wrong()),
    }
}
