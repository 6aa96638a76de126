//! Who may do what: every endpoint with every role.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tars_shared::account::Role;

use crate::server::{Server, answer};

const PUBLIC: Option<Role> = None;
const VIEWER: Option<Role> = Some(Role::Viewer);
const DEVELOPER: Option<Role> = Some(Role::Developer);
const ADMIN: Option<Role> = Some(Role::Admin);

/// The table of endpoints a second time, by the specification: whoever changes who may do what has
/// to mean it.
const SPECIFIED: &[(&str, &str, Option<Role>)] = &[
    ("GET", "/health", PUBLIC),
    ("GET", "/livez", PUBLIC),
    ("GET", "/readyz", PUBLIC),
    ("GET", "/metrics", PUBLIC),
    ("GET", "/openapi.json", PUBLIC),
    ("GET", "/docs", PUBLIC),
    ("GET", "/docs/{file}", PUBLIC),
    ("POST", "/auth/login", PUBLIC),
    ("POST", "/auth/refresh", PUBLIC),
    ("POST", "/auth/logout", VIEWER),
    ("GET", "/auth/me", VIEWER),
    ("POST", "/auth/password", VIEWER),
    ("GET", "/auth/users", ADMIN),
    ("POST", "/auth/users", ADMIN),
    ("GET", "/auth/users/{name}", ADMIN),
    ("PATCH", "/auth/users/{name}", ADMIN),
    ("GET", "/auth/service-tokens", ADMIN),
    ("POST", "/auth/service-tokens", ADMIN),
    ("POST", "/auth/service-tokens/{id}/rotate", ADMIN),
    ("POST", "/auth/service-tokens/{id}/revoke", ADMIN),
    ("GET", "/auth/keys", ADMIN),
    ("POST", "/auth/keys/rotate", ADMIN),
    ("GET", "/auth/audit", ADMIN),
    ("POST", "/v1/evaluate", DEVELOPER),
    ("POST", "/v1/evaluate/batch", DEVELOPER),
    ("PUT", "/v1/artifacts", DEVELOPER),
    ("PUT", "/v1/artifacts/{sha256}", DEVELOPER),
    ("GET", "/v1/jobs", VIEWER),
    ("GET", "/v1/jobs/{id}", VIEWER),
    ("GET", "/v1/jobs/{id}/events", VIEWER),
    ("GET", "/v1/jobs/{id}/webhooks", VIEWER),
    ("POST", "/v1/jobs/cancel", ADMIN),
    ("POST", "/v1/jobs/{id}/cancel", DEVELOPER),
    ("POST", "/v1/jobs/{id}/retry", DEVELOPER),
    ("POST", "/v1/jobs/{id}/promote", ADMIN),
    ("GET", "/v1/environments", VIEWER),
    ("GET", "/v1/baselines", VIEWER),
    ("POST", "/v1/baselines", ADMIN),
    ("GET", "/v1/baselines/{agent_type}", VIEWER),
    ("GET", "/v1/dead-letters", VIEWER),
    ("GET", "/v1/dead-letters/summary", VIEWER),
    ("GET", "/v1/dead-letters/{id}", VIEWER),
    ("POST", "/v1/dead-letters/discard", ADMIN),
    ("POST", "/v1/dead-letters/restore", ADMIN),
    ("GET", "/v1/dead-letters/replays", VIEWER),
    ("POST", "/v1/dead-letters/replays", ADMIN),
    ("GET", "/v1/dead-letters/replays/{id}", VIEWER),
    ("PATCH", "/v1/dead-letters/replays/{id}", ADMIN),
    ("GET", "/v1/dead-letters/replays/{id}/events", VIEWER),
    ("GET", "/v1/dead-letters/replays/{id}/items", VIEWER),
    ("GET", "/v1/dead-letters/replays/{id}/items.csv", VIEWER),
    ("POST", "/v1/dead-letters/replays/{id}/pause", ADMIN),
    ("POST", "/v1/dead-letters/replays/{id}/resume", ADMIN),
    ("POST", "/v1/dead-letters/replays/{id}/cancel", ADMIN),
    ("GET", "/v1/webhooks/deliveries", VIEWER),
    ("POST", "/v1/webhooks/deliveries/{id}/redeliver", ADMIN),
    ("GET", "/v1/pauses", VIEWER),
    ("POST", "/v1/pauses", ADMIN),
    ("DELETE", "/v1/pauses/{id}", ADMIN),
    ("GET", "/v1/workers", VIEWER),
    ("POST", "/v1/workers/{name}/drain", ADMIN),
    ("GET", "/v1/workers/wanted", VIEWER),
];

#[test]
fn the_table_says_what_is_specified() {
    let table: Vec<_> = tars_api::access().collect();
    assert_eq!(table, SPECIFIED);
}

/// Asks every endpoint without a body and with parameters that do not exist: whoever is let in is
/// told of that.
#[tokio::test]
async fn every_endpoint_lets_in_the_roles_of_its_row_and_nobody_else() {
    let server = Server::start().await;
    let mut tokens = vec![(None, None)];
    for role in Role::ALL {
        let user = server.user(role.as_str(), role).await;
        let access = server.log_in(user.as_str()).await["access_token"]
            .as_str()
            .unwrap()
            .to_owned();
        tokens.push((Some(role), Some(access)));
        tokens.push((
            Some(role),
            Some(server.service_token(role.as_str(), role, None).await),
        ));
    }
    for (method, path, least) in tars_api::access() {
        let id = "00000000-0000-4000-8000-000000000000";
        let path = path
            .replace("{id}", id)
            .replace("{agent_type}", "DQN")
            .replace("{name}", "x")
            .replace("{file}", "x");
        for (role, token) in &tokens {
            // Logging out would end what the next endpoints are asked with.
            if path == "/auth/logout"
                && token
                    .as_ref()
                    .is_some_and(|token| !token.starts_with("tars_"))
            {
                continue;
            }
            let mut request = server.anonymous(method.parse().unwrap(), &path);
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let status = request.send().await.unwrap().status();
            let is_auth = least.is_some()
                && (status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN);
            let what = format!("{method} {path} as {role:?} gave {status}");
            match (least, role) {
                (Some(_), None) => assert_eq!(status, StatusCode::UNAUTHORIZED, "{what}"),
                (Some(least), Some(role)) if *role < least => {
                    assert_eq!(status, StatusCode::FORBIDDEN, "{what}");
                }
                _ => assert!(!is_auth && !status.is_server_error(), "{what}"),
            }
        }
    }
}

/// What an administrator can do, asked for by the others with bodies that would work.
#[tokio::test]
async fn nobody_escalates() {
    let server = Server::start().await;
    let audited = server.get("/auth/audit").await.1;
    for role in [Role::Viewer, Role::Developer] {
        let token = server.service_token(role.as_str(), role, None).await;
        for (method, path, body) in [
            (
                Method::POST,
                "/auth/users",
                json!({"name": "eve", "role": "admin", "password": "correct horse battery"}),
            ),
            (Method::PATCH, "/auth/users/eve", json!({"role": "admin"})),
            (
                Method::POST,
                "/auth/service-tokens",
                json!({"name": "eve", "role": "admin"}),
            ),
            (
                Method::POST,
                "/auth/keys/rotate",
                json!({"grace_seconds": 0}),
            ),
            (
                Method::POST,
                "/v1/baselines",
                json!({"agent_type": "DQN", "environment": "CartPole-v1", "mean_reward": 1, "std_reward": 1,
                       "success_rate": 1, "n": 10}),
            ),
        ] {
            for path in [
                path.to_owned(),
                format!("{path}?role=admin"),
                format!("/{path}"),
                path.to_uppercase(),
            ] {
                let request = server
                    .anonymous(method.clone(), &path)
                    .bearer_auth(&token)
                    .json(&body);
                let request = request
                    .header("X-HTTP-Method-Override", "GET")
                    .header("X-Role", "admin");
                let status = request.send().await.unwrap().status();
                assert!(
                    [StatusCode::FORBIDDEN, StatusCode::NOT_FOUND].contains(&status),
                    "{method} {path}: {status}"
                );
            }
        }
    }
    let made = |audit: &Value| audit["items"].as_array().unwrap().len();
    // The two tokens of this test, and nothing else.
    assert_eq!(made(&server.get("/auth/audit").await.1), made(&audited) + 2);
    assert_eq!(server.get("/v1/baselines").await.1["items"], json!([]));
}

#[tokio::test]
async fn what_a_body_says_of_ones_role_counts_for_nothing() {
    let server = Server::start().await;
    let developer = server.service_token("dev", Role::Developer, None).await;
    let mut body = crate::server::evaluation();
    body["role"] = json!("admin");
    let request = server
        .anonymous(Method::POST, "/v1/evaluate")
        .bearer_auth(&developer)
        .json(&body);
    assert_eq!(answer(request).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        server.get_as(&developer, "/auth/me").await.1["role"],
        "developer"
    );
}
