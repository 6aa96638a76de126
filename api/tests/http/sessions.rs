//! Logging in, staying in, being thrown out.

use std::sync::Arc;

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tars_shared::account::Role;
use tars_shared::clock::Manual;

use crate::server::{PASSWORD, Server, answer, config};

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

async fn trade(server: &Server, tokens: &Value) -> (StatusCode, Value) {
    let body = json!({"refresh_token": tokens["refresh_token"]});
    answer(server.anonymous(Method::POST, "/auth/refresh").json(&body)).await
}

async fn is_in(server: &Server, tokens: &Value) -> bool {
    server
        .get_as(text(tokens, "access_token"), "/auth/me")
        .await
        .0
        == StatusCode::OK
}

#[tokio::test]
async fn a_login_gives_tokens_and_a_wrong_one_tells_nothing() {
    let server = Server::start().await;
    server.user("ada", Role::Developer).await;
    let tokens = server.log_in("ada").await;
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(
        (&tokens["expires_in"], &tokens["refresh_expires_in"]),
        (&json!(3600), &json!(604_800))
    );
    assert_eq!(
        server
            .get_as(text(&tokens, "access_token"), "/auth/me")
            .await
            .1["subject"],
        "user:ada"
    );
    let wrong = server
        .try_log_in("ada", "correct horse battery stable")
        .await;
    assert_eq!(wrong.0, StatusCode::UNAUTHORIZED);
    for (name, password) in [
        ("nobody", PASSWORD),
        ("ADA", PASSWORD),
        ("' OR 1=1 --", PASSWORD),
        ("", ""),
        ("ada", ""),
    ] {
        assert_eq!(
            server.try_log_in(name, password).await,
            wrong,
            "{name}: no difference tells what was wrong"
        );
    }
    assert_eq!(
        server.try_log_in("ada", &"x".repeat(257)).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_its_reuse_ends_the_session() {
    let server = Server::start().await;
    server.user("ada", Role::Viewer).await;
    let first = server.log_in("ada").await;
    let other = server.log_in("ada").await;
    let (status, second) = trade(&server, &first).await;
    assert_eq!(status, StatusCode::OK);
    let (status, third) = trade(&server, &second).await;
    assert_eq!(status, StatusCode::OK);
    assert!(is_in(&server, &third).await);
    let (status, problem) = trade(&server, &first).await;
    assert_eq!(
        (status, text(&problem, "code")),
        (StatusCode::UNAUTHORIZED, "token_revoked")
    );
    for tokens in [&first, &second, &third] {
        assert!(!is_in(&server, tokens).await, "the whole family has ended");
        assert_eq!(trade(&server, tokens).await.0, StatusCode::UNAUTHORIZED);
    }
    assert!(is_in(&server, &other).await, "other sessions go on");
    let audit = server.get("/auth/audit?action=session.reused").await.1;
    assert_eq!(audit["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn of_two_who_trade_one_token_at_once_neither_stays() {
    let server = Server::start().await;
    server.user("ada", Role::Viewer).await;
    let tokens = server.log_in("ada").await;
    let ((one, first), (other, second)) =
        tokio::join!(trade(&server, &tokens), trade(&server, &tokens));
    let mut statuses = [one, other];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::OK, StatusCode::UNAUTHORIZED]);
    let winner = if one == StatusCode::OK { first } else { second };
    assert!(!is_in(&server, &winner).await, "one of them may be a thief");
}

#[tokio::test]
async fn logging_out_ends_the_session_at_once() {
    let server = Server::start().await;
    server.user("ada", Role::Viewer).await;
    let tokens = server.log_in("ada").await;
    let log_out = || {
        server
            .anonymous(Method::POST, "/auth/logout")
            .bearer_auth(text(&tokens, "access_token"))
    };
    assert!(is_in(&server, &tokens).await);
    assert_eq!(
        log_out().send().await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    let (status, problem) = answer(log_out()).await;
    assert_eq!(
        (status, text(&problem, "code")),
        (StatusCode::UNAUTHORIZED, "token_revoked")
    );
    assert_eq!(trade(&server, &tokens).await.0, StatusCode::UNAUTHORIZED);
    let (status, problem) = server.post("/auth/logout", &json!({})).await;
    assert_eq!(
        (status, text(&problem, "code")),
        (StatusCode::CONFLICT, "not_a_user")
    );
}

#[tokio::test]
async fn tokens_end_in_time_with_a_hint_before() {
    let clock = Arc::new(Manual::new());
    let server = Server::start_with(config(), clock.clone()).await;
    server.user("ada", Role::Viewer).await;
    let tokens = server.log_in("ada").await;
    let me = async || {
        let request = server
            .anonymous(Method::GET, "/auth/me")
            .bearer_auth(text(&tokens, "access_token"));
        let response = request.send().await.unwrap();
        let hint = response
            .headers()
            .get("x-token-expires-in")
            .map(|value| value.to_str().unwrap().to_owned());
        (response.status(), hint)
    };
    assert_eq!(me().await, (StatusCode::OK, None));
    clock.advance(TimeDelta::minutes(55) + TimeDelta::seconds(1));
    assert_eq!(me().await, (StatusCode::OK, Some("299".to_owned())));
    clock.advance(TimeDelta::seconds(299));
    let (status, problem) = server
        .get_as(text(&tokens, "access_token"), "/auth/me")
        .await;
    assert_eq!(
        (status, text(&problem, "code")),
        (StatusCode::UNAUTHORIZED, "token_expired")
    );
    assert!(text(&problem, "detail").contains("expired"));
    let (_, next) = trade(&server, &tokens).await;
    assert!(is_in(&server, &next).await);
    clock.advance(TimeDelta::days(7));
    let (status, problem) = trade(&server, &next).await;
    assert_eq!(
        (status, text(&problem, "code")),
        (StatusCode::UNAUTHORIZED, "token_expired")
    );
}

#[tokio::test]
async fn a_change_of_role_and_a_disabled_account_act_at_the_next_request() {
    let server = Server::start().await;
    server.user("ada", Role::Viewer).await;
    let tokens = server.log_in("ada").await;
    let access = text(&tokens, "access_token");
    let change = async |change: Value| {
        let request = server
            .request(Method::PATCH, "/auth/users/ada")
            .json(&change);
        answer(request).await
    };
    assert_eq!(
        server.get_as(access, "/auth/users").await.0,
        StatusCode::FORBIDDEN
    );
    assert_eq!(change(json!({"role": "admin"})).await.0, StatusCode::OK);
    assert_eq!(server.get_as(access, "/auth/users").await.0, StatusCode::OK);
    assert_eq!(
        change(json!({"role": "viewer"})).await.1["code"],
        "last_admin",
        "the token is no user"
    );
    server.user("grace", Role::Admin).await;
    assert_eq!(change(json!({"role": "viewer"})).await.0, StatusCode::OK);
    assert_eq!(
        server.get_as(access, "/auth/users").await.0,
        StatusCode::FORBIDDEN
    );
    assert_eq!(change(json!({"disabled": true})).await.0, StatusCode::OK);
    assert_eq!(
        server.get_as(access, "/v1/jobs").await.1["code"],
        "token_revoked"
    );
    assert_eq!(trade(&server, &tokens).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(
        server.try_log_in("ada", PASSWORD).await.0,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(change(json!({"disabled": false})).await.0, StatusCode::OK);
    assert!(!is_in(&server, &tokens).await, "what ended stays ended");
    assert!(is_in(&server, &server.log_in("ada").await).await);
    for bad in [
        json!({}),
        json!({"role": "viewer", "disabled": true}),
        json!({"role": "root"}),
        json!({"name": "x"}),
    ] {
        assert_eq!(change(bad).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    }
}

/// What another process changes in the database acts within the stated five seconds, whatever this
/// one remembers.
#[tokio::test]
async fn what_is_changed_elsewhere_acts_within_the_stated_bound() {
    let clock = Arc::new(Manual::new());
    let server = Server::start_with(config(), clock.clone()).await;
    let name = server.user("ada", Role::Viewer).await;
    server.user("grace", Role::Admin).await;
    let tokens = server.log_in("ada").await;
    let service = server.service_token("ci", Role::Viewer, None).await;
    assert!(is_in(&server, &tokens).await);
    assert_eq!(server.get_as(&service, "/auth/me").await.0, StatusCode::OK);
    let actor = tars_shared::account::Actor::command();
    let disable = tars_shared::store::UserChange::Disabled(true);
    server
        .services
        .store
        .users
        .change(&name, &disable, &actor)
        .await
        .unwrap();
    let id = tars_shared::account::secret::token_id(&service).unwrap();
    server
        .services
        .store
        .service_tokens
        .revoke(id, &actor)
        .await
        .unwrap();
    clock.advance(TimeDelta::seconds(5));
    assert!(!is_in(&server, &tokens).await);
    assert_eq!(
        server.get_as(&service, "/auth/me").await.1["code"],
        "token_revoked"
    );
}

/// What is revoked at one process acts at once there, and within a second at every other that hears
/// of it through the cache.
#[tokio::test]
async fn what_is_revoked_at_one_process_acts_at_another_within_a_second() {
    let clock = Arc::new(Manual::new());
    let one = Server::start_with(config(), clock.clone()).await;
    let other = Server::serve_beside(&one, one.services.clone(), config()).await;
    one.user("ada", Role::Viewer).await;
    let tokens = one.log_in("ada").await;
    let service = one.service_token("ci", Role::Viewer, None).await;
    let id = tars_shared::account::secret::token_id(&service).unwrap();
    for server in [&one, &other] {
        assert!(is_in(server, &tokens).await);
        assert_eq!(server.get_as(&service, "/auth/me").await.0, StatusCode::OK);
    }
    let revoke = format!("/auth/service-tokens/{id}/revoke");
    assert_eq!(one.post(&revoke, &json!({})).await.0, StatusCode::OK);
    let log_out = one.anonymous(Method::POST, "/auth/logout");
    let log_out = log_out.bearer_auth(text(&tokens, "access_token"));
    assert_eq!(answer(log_out).await.0, StatusCode::NO_CONTENT);
    assert!(!is_in(&one, &tokens).await, "at once where it was made");
    assert_eq!(
        one.get_as(&service, "/auth/me").await.1["code"],
        "token_revoked"
    );
    clock.advance(TimeDelta::seconds(1));
    assert!(!is_in(&other, &tokens).await);
    assert_eq!(
        other.get_as(&service, "/auth/me").await.1["code"],
        "token_revoked"
    );
}

#[tokio::test]
async fn a_new_password_ends_every_session() {
    let server = Server::start().await;
    server.user("ada", Role::Viewer).await;
    let (one, other) = (server.log_in("ada").await, server.log_in("ada").await);
    let change = async |current: &str, new: &str| {
        let body = json!({"current_password": current, "new_password": new});
        answer(
            server
                .anonymous(Method::POST, "/auth/password")
                .bearer_auth(text(&one, "access_token"))
                .json(&body),
        )
        .await
    };
    for (current, new, field) in [
        (
            "wrong horse battery staple",
            "a brand new sentence",
            "current_password",
        ),
        (PASSWORD, "short", "new_password"),
        (PASSWORD, "password12345", "new_password"),
    ] {
        let (status, problem) = change(current, new).await;
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!(field))
        );
    }
    assert_eq!(
        change(PASSWORD, "a brand new sentence").await.0,
        StatusCode::NO_CONTENT
    );
    assert!(!is_in(&server, &one).await && !is_in(&server, &other).await);
    assert_eq!(
        server.try_log_in("ada", PASSWORD).await.0,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        server.try_log_in("ada", "a brand new sentence").await.0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn keys_rotate_with_grace_and_without() {
    let clock = Arc::new(Manual::new());
    let server = Server::start_with(config(), clock.clone()).await;
    server.user("ada", Role::Viewer).await;
    let before = server.log_in("ada").await;
    let (status, key) = server
        .post("/auth/keys/rotate", &json!({"grace_seconds": 600}))
        .await;
    assert_eq!(status, StatusCode::CREATED);
    let after = server.log_in("ada").await;
    assert_eq!(
        crate::forge::kid(text(&after, "access_token")).to_string(),
        text(&key, "id")
    );
    assert!(is_in(&server, &before).await, "within its grace");
    clock.advance(TimeDelta::seconds(600));
    assert_eq!(
        server
            .get_as(text(&before, "access_token"), "/auth/me")
            .await
            .1["code"],
        "invalid_token"
    );
    assert!(is_in(&server, &after).await);
    assert_eq!(
        server
            .post("/auth/keys/rotate", &json!({"grace_seconds": 0}))
            .await
            .0,
        StatusCode::CREATED
    );
    assert!(
        !is_in(&server, &after).await,
        "without grace everybody is logged out"
    );
    assert_eq!(
        server
            .post("/auth/keys/rotate", &json!({"grace_seconds": 604_801}))
            .await
            .0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let keys = server.get("/auth/keys").await.1;
    assert_eq!(keys["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn service_tokens_live_their_life() {
    let clock = Arc::new(Manual::new());
    let server = Server::start_with(config(), clock.clone()).await;
    let create = json!({"name": "nightly-ci", "role": "developer", "expires_in_days": 1});
    let (status, made) = server.post("/auth/service-tokens", &create).await;
    assert_eq!(status, StatusCode::CREATED);
    let (secret, id) = (
        text(&made, "secret").to_owned(),
        text(&made["token"], "id").to_owned(),
    );
    assert!(secret.starts_with("tars_"));
    assert_eq!(
        server.get_as(&secret, "/auth/me").await.1["subject"],
        "token:nightly-ci"
    );
    assert_eq!(
        server.post("/auth/service-tokens", &create).await.1["code"],
        "name_taken"
    );
    let listing = server.get("/auth/service-tokens").await.1.to_string();
    assert!(
        !listing.contains(&secret) && !listing.contains(secret.rsplit('_').next().unwrap()),
        "shown once"
    );

    let (status, rotated) = server
        .post(&format!("/auth/service-tokens/{id}/rotate"), &json!({}))
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        server.get_as(&secret, "/auth/me").await.1["code"],
        "invalid_token",
        "the old secret is good for nothing"
    );
    let secret = text(&rotated, "secret").to_owned();
    assert_eq!(server.get_as(&secret, "/auth/me").await.0, StatusCode::OK);
    let (random, other) = (
        secret.len() - 1,
        if secret.ends_with('A') { "B" } else { "A" },
    );
    assert_eq!(
        server
            .get_as(&format!("{}{other}", &secret[..random]), "/auth/me")
            .await
            .0,
        StatusCode::UNAUTHORIZED
    );

    clock.advance(TimeDelta::days(1));
    assert_eq!(
        server.get_as(&secret, "/auth/me").await.1["code"],
        "token_expired"
    );
    assert_eq!(
        server
            .post(&format!("/auth/service-tokens/{id}/revoke"), &json!({}))
            .await
            .0,
        StatusCode::OK
    );
    assert_eq!(
        server.get_as(&secret, "/auth/me").await.1["code"],
        "token_revoked"
    );
    assert_eq!(
        server
            .post(&format!("/auth/service-tokens/{id}/rotate"), &json!({}))
            .await
            .0,
        StatusCode::NOT_FOUND
    );
    for (field, value) in [
        ("role", json!("root")),
        ("name", json!("A b")),
        ("expires_in_days", json!(0)),
        ("requests_per_minute", json!(0)),
    ] {
        let mut bad = create.clone();
        bad[field] = value;
        assert_eq!(
            server.post("/auth/service-tokens", &bad).await.1["errors"][0]["field"],
            field
        );
    }
}

/// A stream that was opened before goes on for no longer than the stated bound.
#[tokio::test]
async fn who_is_thrown_out_hears_no_more() {
    let server = Server::start().await;
    let (_, receipt) = server
        .post("/v1/evaluate", &crate::server::evaluation())
        .await;
    let path = receipt["links"]["events"].as_str().unwrap();
    let made = server
        .post(
            "/auth/service-tokens",
            &json!({"name": "listener", "role": "viewer"}),
        )
        .await
        .1;
    let request = server
        .anonymous(Method::GET, path)
        .bearer_auth(text(&made, "secret"));
    let mut stream = request.send().await.unwrap();
    assert!(stream.chunk().await.unwrap().is_some(), "the job as it is");
    let revoke = format!("/auth/service-tokens/{}/revoke", text(&made["token"], "id"));
    assert_eq!(server.post(&revoke, &json!({})).await.0, StatusCode::OK);
    // The job waits for ever, so only this ends the stream; otherwise the request's own deadline
    // fails it.
    while stream.chunk().await.unwrap().is_some() {}
}

#[tokio::test]
async fn what_administrators_do_is_on_record() {
    let server = Server::start().await;
    server.user("grace", Role::Admin).await;
    let access = server.log_in("grace").await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let user = json!({"name": "ada", "role": "viewer", "password": PASSWORD});
    assert_eq!(
        server.post_as(&access, "/auth/users", &user).await.0,
        StatusCode::CREATED
    );
    assert_eq!(
        server.post_as(&access, "/auth/users", &user).await.1["code"],
        "name_taken"
    );
    let baseline = json!({"agent_type": "DQN", "environment": "CartPole-v1", "mean_reward": 1.0, "std_reward": 1.0,
                          "success_rate": 1.0, "n": 10});
    assert_eq!(
        server.post_as(&access, "/v1/baselines", &baseline).await.0,
        StatusCode::CREATED
    );
    let (_, audit) = server.get("/auth/audit?actor=user:grace&limit=2").await;
    let actions: Vec<_> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| text(entry, "action"))
        .collect();
    assert_eq!(actions, ["baseline.added", "user.added"]);
    assert_eq!(audit["items"][1]["target"], "ada");
    assert_eq!(audit["items"][1]["address"], "127.0.0.1");
    let rest = server
        .get(&format!(
            "/auth/audit?actor=user:grace&cursor={}",
            text(&audit, "next_cursor")
        ))
        .await
        .1;
    assert_eq!(rest["items"][0]["action"], "session.opened");
    let all = server.get("/auth/audit?limit=200").await.1.to_string();
    assert!(
        !all.contains(PASSWORD) && !all.contains("argon2"),
        "no secret is on record"
    );
    for method in [Method::DELETE, Method::PUT, Method::PATCH, Method::POST] {
        assert_eq!(
            answer(server.request(method, "/auth/audit")).await.0,
            StatusCode::METHOD_NOT_ALLOWED
        );
    }
}
