//! What a client sends comes back as an excerpt at most.

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::server::{Server, evaluation};

/// Far more than may come back.
const LONG: usize = 1024 * 1024;
/// The most bytes of an answer that refuses something.
const ANSWER_BYTES: usize = 8 * 1024;

fn with(field: &str, value: Value) -> Value {
    let mut body = evaluation();
    body[field] = value;
    body
}

/// The answer to a body with long texts in it.
async fn refusal(server: &Server, path: &str, body: &Value) -> String {
    let request = server.request(Method::POST, path).json(body);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    response.text().await.unwrap()
}

#[tokio::test]
async fn a_refusal_repeats_an_excerpt_of_what_was_sent() {
    let server = Server::start().await;
    let long = "x".repeat(LONG);
    let mut bodies: Vec<_> = [
        (&*long, json!(1)),
        ("agent_type", json!(long)),
        ("agent_state", json!({"artifact": "0".repeat(64), &long: 1})),
        ("agent_state", json!({"format": long, "data": "AAAA"})),
        ("agent_state", json!({"artifact": long})),
        (
            "agent_state",
            json!({"format": "sb3-zip", "data": format!("*{long}")}),
        ),
        (
            "agent_state",
            json!({"artifact": "0".repeat(64), "vec_normalize": {&long: 1}}),
        ),
        ("agent_state", json!(long)),
        ("environments", json!([long])),
        ("environments", json!(["\u{7f}".repeat(LONG)])),
        ("environments", json!(long)),
        ("hyperparameters", json!({&long: 1})),
        ("hyperparameters", json!({&long: [1]})),
        ("hyperparameters", json!({"a": long})),
        ("labels", json!({&long: 1})),
        ("labels", json!({&long: "a"})),
        ("labels", json!(long)),
        ("losses", json!([long])),
        ("num_episodes", json!(long)),
        ("seed", json!(long)),
        ("priority", json!(long)),
        ("priority", json!(format!("{long}, expected {long}"))),
        ("timeout_seconds", json!(long)),
        ("deterministic", json!(long)),
        ("callback_url", json!(long)),
    ]
    .into_iter()
    .map(|(field, value)| with(field, value))
    .collect();
    bodies.push(json!({&long: 1}));
    for body in &bodies {
        for (path, body) in [
            ("/v1/evaluate", body),
            ("/v1/evaluate/batch", &json!({"evaluations": [body]})),
        ] {
            let answer = refusal(&server, path, body).await;
            assert!(
                answer.len() <= ANSWER_BYTES,
                "{} bytes: {answer:.300}",
                answer.len()
            );
            for letter in ["x", "\u{7f}", "\\u{7f}"] {
                let echo = letter.repeat(101);
                assert!(!answer.contains(&echo), "{answer}");
            }
        }
    }
    let listing = server
        .get(&format!("/v1/jobs?{}=1", "x".repeat(7000)))
        .await;
    let named = listing.1["errors"][0]["field"].as_str().unwrap().to_owned();
    assert_eq!(named.chars().count(), 101, "an excerpt and an ellipsis");
}

#[tokio::test]
async fn many_mistakes_make_a_bounded_answer() {
    let server = Server::start().await;
    let bad = with(
        "environments",
        json!((0..16).map(|i| format!("No-{i}")).collect::<Vec<_>>()),
    );
    let batch = json!({"evaluations": vec![bad; 100]});
    let answer = refusal(&server, "/v1/evaluate/batch", &batch).await;
    assert!(answer.len() <= ANSWER_BYTES, "{} bytes", answer.len());
    let problem: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(problem["errors"].as_array().unwrap().len(), 20);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.ends_with("; and 1580 more"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_at_one_time_have_small_answers() {
    let server = Arc::new(Server::start().await);
    let body = Arc::new(format!("{{\"{}\": 1}}", "x".repeat(9 * LONG)));
    let mut clients = JoinSet::new();
    for _ in 0..20 {
        let (server, body) = (server.clone(), body.clone());
        clients.spawn(async move {
            let request = server
                .request(Method::POST, "/v1/evaluate")
                .header("content-type", "application/json")
                .body(String::clone(&body));
            request.send().await.unwrap().bytes().await.unwrap().len()
        });
    }
    let sizes = clients.join_all().await;
    assert!(sizes.iter().all(|size| *size <= ANSWER_BYTES), "{sizes:?}");
}

#[tokio::test]
async fn errors_have_the_member_that_older_clients_read() {
    let server = Server::start().await;
    let (_, problem) = server.get("/v1/nothing").await;
    assert_eq!(problem["error"], "there is no such path");
    assert_eq!(problem["error"], problem["detail"]);
}
