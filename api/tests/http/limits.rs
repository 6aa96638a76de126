//! How often who may ask, and what does not get around it.

use std::sync::Arc;

use chrono::TimeDelta;
use reqwest::{Method, Response, StatusCode};
use serde_json::json;
use tars_api::Config;
use tars_api::config::Limits;
use tars_shared::account::Role;
use tars_shared::clock::Manual;
use tars_shared::limiter::Rate;

use crate::server::{PASSWORD, Server, config, unlimited};

/// A server whose time stands still: nothing is regained unless a test lets it be.
async fn limited(limits: Limits) -> (Server, Arc<Manual>) {
    trusting(limits, &[]).await
}

async fn trusting(limits: Limits, proxies: &[&str]) -> (Server, Arc<Manual>) {
    let clock = Arc::new(Manual::new());
    let trusted_proxies = proxies.iter().map(|proxy| proxy.parse().unwrap()).collect();
    let config = Config {
        limits,
        trusted_proxies,
        ..config()
    };
    (Server::start_with(config, clock.clone()).await, clock)
}

async fn get(server: &Server, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = server.anonymous(Method::GET, path);
    headers
        .iter()
        .fold(request, |request, (name, value)| {
            request.header(*name, *value)
        })
        .send()
        .await
        .unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers()[name].to_str().unwrap()
}

#[tokio::test]
async fn public_requests_are_counted_by_address() {
    let (server, clock) = limited(Limits::default()).await;
    for asked in 1..=30 {
        let response = get(&server, "/health", &[]).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "x-ratelimit-limit"), "30");
        assert_eq!(
            header(&response, "x-ratelimit-remaining"),
            (30 - asked).to_string()
        );
        assert_eq!(
            header(&response, "x-ratelimit-reset"),
            (2 * asked).to_string()
        );
    }
    let refused = get(&server, "/health", &[]).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        (
            header(&refused, "retry-after"),
            header(&refused, "x-ratelimit-remaining")
        ),
        ("2", "0")
    );
    assert_eq!(
        refused.json::<serde_json::Value>().await.unwrap()["code"],
        "rate_limited"
    );
    // One bucket for everything public, for paths that do not exist and for credentials that are no
    // good.
    assert_eq!(
        get(&server, "/openapi.json", &[]).await.status(),
        StatusCode::TOO_MANY_REQUESTS
    );
    assert_eq!(
        get(&server, "/nowhere", &[]).await.status(),
        StatusCode::TOO_MANY_REQUESTS
    );
    let guess = [(
        "authorization",
        "Bearer tars_00000000000000000000000000000000_x",
    )];
    assert_eq!(
        get(&server, "/v1/jobs", &guess).await.status(),
        StatusCode::TOO_MANY_REQUESTS
    );
    // Probes have their own, so that a crowd of visitors gets no process killed.
    assert_eq!(get(&server, "/livez", &[]).await.status(), StatusCode::OK);
    clock.advance(TimeDelta::seconds(2));
    assert_eq!(get(&server, "/health", &[]).await.status(), StatusCode::OK);
    assert_eq!(
        get(&server, "/health", &[]).await.status(),
        StatusCode::TOO_MANY_REQUESTS
    );
}

#[tokio::test]
async fn no_header_gets_around_it() {
    let limits = Limits {
        public: Rate::per_minute(3),
        ..unlimited()
    };
    let (server, _) = limited(limits).await;
    let mut statuses = Vec::new();
    for (index, name) in [
        "x-forwarded-for",
        "x-real-ip",
        "forwarded",
        "client-ip",
        "x-client-ip",
        "cf-connecting-ip",
        "true-client-ip",
    ]
    .into_iter()
    .enumerate()
    {
        let address = format!("198.51.100.{index}");
        statuses.push(
            get(
                &server,
                "/health",
                &[(name, &address), ("user-agent", &address)],
            )
            .await
            .status(),
        );
    }
    assert_eq!(
        statuses
            .iter()
            .filter(|status| **status == StatusCode::OK)
            .count(),
        3,
        "{statuses:?}"
    );
    let tricks = [
        "/health?",
        "/health#x",
        "//health",
        "/health/",
        "/HEALTH",
        "/./health",
        "/%68ealth",
    ];
    for path in tricks {
        assert_eq!(
            get(&server, path, &[]).await.status(),
            StatusCode::TOO_MANY_REQUESTS,
            "{path}"
        );
    }
    for method in [
        Method::HEAD,
        Method::POST,
        Method::OPTIONS,
        Method::from_bytes(b"FOO").unwrap(),
    ] {
        let status = server
            .anonymous(method.clone(), "/health")
            .send()
            .await
            .unwrap()
            .status();
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{method}");
    }
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_counts_for_itself() {
    let limits = Limits {
        public: Rate::per_minute(2),
        ..unlimited()
    };
    let (server, _) = trusting(limits, &["127.0.0.0/8"]).await;
    let ask = async |forwarded: &str| {
        get(&server, "/health", &[("x-forwarded-for", forwarded)])
            .await
            .status()
    };
    for client in ["198.51.100.1", "198.51.100.2", "2001:db8:0:1::1"] {
        assert_eq!(ask(client).await, StatusCode::OK);
        assert_eq!(ask(client).await, StatusCode::OK);
        assert_eq!(ask(client).await, StatusCode::TOO_MANY_REQUESTS, "{client}");
        assert_eq!(
            ask(&format!("203.0.113.9, {client}")).await,
            StatusCode::TOO_MANY_REQUESTS,
            "what it made up"
        );
    }
    assert_eq!(
        ask("2001:db8:0:1:ffff::2").await,
        StatusCode::TOO_MANY_REQUESTS,
        "the same IPv6 network"
    );
    assert_eq!(ask("2001:db8:0:2::1").await, StatusCode::OK, "another one");
}

#[tokio::test]
async fn writes_and_account_operations_are_counted_by_user() {
    let limits = Limits {
        public: Rate::OFF,
        ..Limits::default()
    };
    let (server, _) = limited(limits).await;
    let mut users = Vec::new();
    for name in ["ada", "grace"] {
        server.user(name, Role::Developer).await;
        users.push(
            server.log_in(name).await["access_token"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    for access in &users {
        for _ in 0..10 {
            let status = server.post_as(access, "/v1/evaluate", &json!({})).await.0;
            assert_eq!(
                status,
                StatusCode::UNPROCESSABLE_ENTITY,
                "mistakes count too"
            );
        }
        let (status, problem) = server
            .post_as(access, "/v1/evaluate/batch", &json!({}))
            .await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::TOO_MANY_REQUESTS, &json!("rate_limited"))
        );
        assert_eq!(
            server.get_as(access, "/v1/jobs").await.0,
            StatusCode::OK,
            "reading goes on"
        );
    }
    // Two logins were counted for this address; eight are left.
    for left in (0..8).rev() {
        let body = json!({"username": format!("nobody{left}"), "password": PASSWORD});
        let response = server
            .anonymous(Method::POST, "/auth/login")
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(header(&response, "x-ratelimit-remaining"), left.to_string());
    }
    assert_eq!(
        server.try_log_in("ada", PASSWORD).await.0,
        StatusCode::TOO_MANY_REQUESTS
    );
}

#[tokio::test]
async fn a_forbidden_request_counts_as_well() {
    let (server, _) = limited(Limits {
        auth: Rate::per_minute(1),
        ..unlimited()
    })
    .await;
    server.user("vera", Role::Viewer).await;
    let access = server.log_in("vera").await["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let rotate = async || {
        server
            .post_as(&access, "/auth/keys/rotate", &json!({}))
            .await
            .0
    };
    assert_eq!(rotate().await, StatusCode::FORBIDDEN);
    assert_eq!(rotate().await, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn service_tokens_carry_their_own_limit() {
    let limits = Limits {
        tokens: Rate::per_minute(2),
        ..Limits::default()
    };
    let (server, _) = limited(limits).await;
    for (name, own, expected) in [("usual", None, 2), ("busy", Some(5), 5)] {
        let token = server.service_token(name, Role::Viewer, own).await;
        for _ in 0..expected {
            assert_eq!(server.get_as(&token, "/v1/jobs").await.0, StatusCode::OK);
        }
        assert_eq!(
            server.get_as(&token, "/v1/environments").await.0,
            StatusCode::TOO_MANY_REQUESTS,
            "{name}"
        );
    }
}

#[tokio::test]
async fn guessing_one_accounts_password_is_braked_wherever_it_comes_from() {
    let limits = Limits {
        login: Rate::per_minute(5),
        ..unlimited()
    };
    let (server, clock) = trusting(limits, &["127.0.0.0/8"]).await;
    server.user("ada", Role::Viewer).await;
    server.user("grace", Role::Viewer).await;
    let guess = async |name: &str, password: &str, from: u8| {
        let body = json!({"username": name, "password": password});
        let request = server
            .anonymous(Method::POST, "/auth/login")
            .header("x-forwarded-for", format!("198.51.100.{from}"));
        request.json(&body).send().await.unwrap()
    };
    let wrong = async |from: u8| guess("ada", "wrong horse battery", from).await.status();
    for _ in 0..5 {
        assert_eq!(wrong(1).await, StatusCode::UNAUTHORIZED);
    }
    let braked = guess("ada", PASSWORD, 1).await;
    assert_eq!(
        (braked.status(), header(&braked, "retry-after")),
        (StatusCode::TOO_MANY_REQUESTS, "12")
    );
    assert_eq!(
        guess("ada", PASSWORD, 2).await.status(),
        StatusCode::OK,
        "who guesses locks nobody else out"
    );
    assert_eq!(
        guess("grace", PASSWORD, 1).await.status(),
        StatusCode::OK,
        "nor out of other accounts"
    );
    // Six attempts of the account's twenty are spent; many addresses together get no more than
    // that.
    for from in 10..24 {
        assert_eq!(wrong(from).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(wrong(24).await, StatusCode::TOO_MANY_REQUESTS);
    clock.advance(TimeDelta::seconds(12));
    assert_eq!(guess("ada", PASSWORD, 1).await.status(), StatusCode::OK);
}

/// A token that has the right form is looked up, so that guessing them is limited before the
/// database is asked.
#[tokio::test]
async fn made_up_service_tokens_are_limited_before_they_are_looked_up() {
    let (server, _) = limited(Limits {
        lookups: Rate::per_minute(3),
        ..unlimited()
    })
    .await;
    let known = server.service_token("ci", Role::Viewer, None).await;
    assert_eq!(server.get_as(&known, "/auth/me").await.0, StatusCode::OK);
    let made_up = |index: u128| {
        format!(
            "tars_{}_{}",
            uuid::Uuid::from_u128(index).simple(),
            "x".repeat(43)
        )
    };
    let mut codes = Vec::new();
    for index in 0..4 {
        codes.push(
            server.get_as(&made_up(index), "/auth/me").await.1["code"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    assert_eq!(
        codes,
        [
            "invalid_token",
            "invalid_token",
            "rate_limited",
            "rate_limited"
        ]
    );
    assert_eq!(
        server.get_as(&known, "/auth/me").await.0,
        StatusCode::OK,
        "who is known is not looked up"
    );
}
