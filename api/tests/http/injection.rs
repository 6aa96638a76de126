//! SQL and other code in every parameter and every field, on a real PostgreSQL.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::Connection as _;
use tars_chaos::Endpoints;
use tars_shared::account::Role;
use tars_shared::backends::{Backend, Backends};
use tars_shared::clock::System;
use tars_shared::services::Services;
use tars_shared::store::backend::StoreBackend;
use tars_shared::store::{migration, postgres};

use crate::server::{Server, answer, config, evaluation};

/// How long any answer may take. The payloads sleep far longer, if they run.
const LIMIT: Duration = Duration::from_secs(20);

/// What is tried everywhere.
const PAYLOADS: [&str; 16] = [
    "' OR '1'='1",
    "' OR 1=1 --",
    "\" OR \"\"=\"",
    "1; SELECT pg_sleep(60); --",
    "'; SELECT pg_sleep(60); --",
    "' || pg_sleep(60) || '",
    "1 AND (SELECT 1 FROM pg_sleep(60)) IS NOT NULL",
    "' UNION SELECT name, password_hash FROM users --",
    "1' UNION ALL SELECT NULL, NULL, NULL --",
    "'; DROP TABLE jobs; --",
    "'/**/OR/**/'1'='1",
    "' AND '1'='2",
    "$(sleep 60)",
    "${jndi:ldap://127.0.0.1/a}",
    "../../../../etc/passwd",
    "%00'\u{0}",
];

async fn on_postgres() -> (Server, sqlx::PgConnection) {
    let database = tokio::task::spawn_blocking(|| Endpoints::for_suites().database())
        .await
        .unwrap()
        .unwrap();
    let url = database.url;
    let settings = postgres::Settings {
        urls: vec![url.clone()],
        connections: 8,
        follow_database_clock: true,
    };
    let backends = Backends {
        store: StoreBackend::Postgres(settings),
        queue: Backend::Memory,
        cache: Backend::Memory,
    };
    migration::migrate(&backends.store, None).await.unwrap();
    let services = Services::open(&backends, std::sync::Arc::new(System))
        .await
        .unwrap();
    let server = Server::serve(services, config(), tempfile::tempdir().unwrap()).await;
    (server, sqlx::PgConnection::connect(&url).await.unwrap())
}

/// How many rows there are in all, and how many statements that sleep.
async fn look(database: &mut sqlx::PgConnection) -> (i64, i64) {
    let rows = "SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM users) + (SELECT count(*) FROM eval_baselines) \
                + (SELECT count(*) FROM service_tokens) + (SELECT count(*) FROM signing_keys)";
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    let rows = sqlx::query_scalar(rows)
        .fetch_one(&mut *database)
        .await
        .unwrap();
    (
        rows,
        sqlx::query_scalar(sleeping)
            .fetch_one(database)
            .await
            .unwrap(),
    )
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The parameters of every endpoint are those of the document that is served, so that none is left
/// out.
#[tokio::test(flavor = "multi_thread")]
async fn in_every_parameter_it_is_refused_before_any_query() {
    let (server, mut database) = on_postgres().await;
    let before = look(&mut database).await;
    let (_, document) = server.get("/openapi.json").await;
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for parameter in operation["parameters"].as_array().unwrap() {
                for payload in PAYLOADS {
                    let name = parameter["name"].as_str().unwrap();
                    // What is not under attack is as it should be, so that nothing else can be why
                    // it is refused.
                    let fill = |value: &str| {
                        let filled = path.replace(&format!("{{{name}}}"), value);
                        let filled = filled.replace("{id}", "00000000-0000-4000-8000-000000000000");
                        filled.replace("{name}", "x").replace("{agent_type}", "DQN")
                    };
                    let method: Method = method.to_ascii_uppercase().parse().unwrap();
                    let request = match parameter["in"].as_str().unwrap() {
                        "path" => server.request(method, &fill(&encoded(payload))),
                        "query" => server.request(
                            method,
                            &format!("{}?{name}={}", fill("x"), encoded(payload)),
                        ),
                        _ if payload.contains('\0') => continue,
                        _ => server
                            .request(method, path)
                            .header(name, payload)
                            .json(&json!({})),
                    };
                    let (status, problem) = answer(request.timeout(LIMIT)).await;
                    // Labels, reasons and keys may hold any text; they are only ever bound, as the test
                    // below sees.
                    let free = ["label", "reason", "Idempotency-Key"].contains(&name);
                    let refused = status == StatusCode::UNPROCESSABLE_ENTITY;
                    let errors = problem["errors"].as_array();
                    let named = errors
                        .is_some_and(|errors| errors.iter().any(|error| error["field"] == name));
                    let why = format!("{name} of {path} takes {payload}: {status} {problem}");
                    assert!(
                        if free {
                            refused || status.is_success()
                        } else {
                            refused && named
                        },
                        "{why}"
                    );
                    assert!(
                        !problem.to_string().to_lowercase().contains("sql"),
                        "{problem}"
                    );
                    tried += 1;
                }
            }
            assert_eq!(look(&mut database).await, before, "after {method} {path}");
        }
    }
    assert!(tried > 500, "{tried}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_bodies_it_is_refused_or_only_text() {
    let (server, mut database) = on_postgres().await;
    server.user("ada", Role::Viewer).await;
    let before = look(&mut database).await;
    for payload in PAYLOADS {
        for (method, path, body) in [
            (
                Method::POST,
                "/auth/login",
                json!({"username": payload, "password": payload}),
            ),
            (
                Method::POST,
                "/auth/refresh",
                json!({"refresh_token": payload}),
            ),
            (
                Method::POST,
                "/auth/users",
                json!({"name": payload, "role": "viewer", "password": "correct horse battery"}),
            ),
            (
                Method::POST,
                "/auth/users",
                json!({"name": "eve", "role": payload, "password": "correct horse battery"}),
            ),
            (Method::PATCH, "/auth/users/ada", json!({"role": payload})),
            (
                Method::PATCH,
                "/auth/users/ada",
                json!({"disabled": payload}),
            ),
            (
                Method::POST,
                "/auth/service-tokens",
                json!({"name": payload, "role": "viewer"}),
            ),
            (
                Method::POST,
                "/auth/keys/rotate",
                json!({"grace_seconds": payload}),
            ),
            (
                Method::POST,
                "/v1/evaluate",
                json!({"agent_type": payload, "agent_state": {}}),
            ),
            (
                Method::POST,
                "/v1/evaluate",
                json!({"agent_type": "DQN", "agent_state": {"artifact": payload}}),
            ),
            (
                Method::POST,
                "/v1/evaluate",
                json!({"agent_type": "DQN", "agent_state": {"format": payload, "data": payload}}),
            ),
            (
                Method::POST,
                "/v1/baselines",
                json!({"agent_type": "DQN", "environment": payload}),
            ),
        ] {
            let (status, problem) =
                answer(server.request(method, path).json(&body).timeout(LIMIT)).await;
            assert!(
                status.is_client_error(),
                "{path} takes {body}: {status} {problem}"
            );
        }
    }
    assert_eq!(look(&mut database).await, before);
}

/// Second order: what was stored as text is text when it is read, filtered by, and submitted again.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_stays_text() {
    let (server, mut database) = on_postgres().await;
    let texts = PAYLOADS.iter().filter(|payload| !payload.contains('\0'));
    for (stored, payload) in texts.enumerate() {
        let mut body = evaluation();
        body["labels"] = json!({"note": payload, *payload: "x"});
        body["hyperparameters"] = json!({*payload: payload});
        let (status, receipt) = server.post_with_key("/v1/evaluate", payload, &body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{receipt}");
        let path = receipt["links"]["self"].as_str().unwrap();
        let (_, job) = server.get(path).await;
        assert_eq!(
            (&job["labels"], &job["hyperparameters"]),
            (&body["labels"], &body["hyperparameters"])
        );
        let found = async |label: String| {
            let (status, found) = answer(
                server
                    .request(Method::GET, &format!("/v1/jobs?label={}", encoded(&label)))
                    .timeout(LIMIT),
            )
            .await;
            assert_eq!(status, StatusCode::OK, "{found}");
            found["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|job| job["job_id"].clone())
                .collect::<Vec<Value>>()
        };
        assert_eq!(
            found(format!("note:{payload}")).await,
            [job["job_id"].clone()],
            "{payload}"
        );
        assert_eq!(
            server.post(&format!("{path}/cancel"), &json!({})).await.0,
            StatusCode::OK
        );
        assert_eq!(
            server.post(&format!("{path}/retry"), &json!({})).await.0,
            StatusCode::ACCEPTED
        );
        assert_eq!(found(format!("note:{payload}")).await.len(), 2);
        let jobs: i64 = sqlx::query_scalar("SELECT count(*) FROM jobs")
            .fetch_one(&mut database)
            .await
            .unwrap();
        assert_eq!(jobs, 2 * (i64::try_from(stored).unwrap() + 1));
        assert_eq!(look(&mut database).await.1, 0);
    }
}

/// A cursor is the client's, whoever made it.
#[tokio::test(flavor = "multi_thread")]
async fn forged_cursors_are_refused() {
    use base64::Engine as _;
    let (server, _) = on_postgres().await;
    let id = "00000000-0000-4000-8000-000000000000";
    for (path, backends) in [
        (
            "/v1/jobs",
            [
                json!(["+262000-01-01T00:00:00Z", id]),
                json!(["-4713-01-01T00:00:00Z", id]),
                json!("' OR 1=1 --"),
            ],
        ),
        (
            "/v1/dead-letters",
            [
                json!(["+99999-01-01T00:00:00Z", id]),
                json!([0, id]),
                json!([]),
            ],
        ),
        (
            "/v1/baselines",
            [
                json!(["DQN", "a\0b", 1]),
                json!(["DQN' OR 1=1", "x", 1]),
                json!(["DQN", "x", -1]),
            ],
        ),
        ("/auth/users", [json!("' OR 1=1 --"), json!("\0"), json!(7)]),
        (
            "/auth/audit",
            [
                json!(["+262000-01-01T00:00:00Z", id]),
                json!(null),
                json!({}),
            ],
        ),
    ] {
        for place in backends {
            let cursor = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(place.to_string());
            let (status, problem) = server.get(&format!("{path}?cursor={cursor}")).await;
            assert_eq!(
                status,
                StatusCode::UNPROCESSABLE_ENTITY,
                "{path} takes {place}: {problem}"
            );
            assert_eq!(problem["errors"][0]["field"], "cursor");
        }
    }
}
