//! What is turned away, and how it is told.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::server::{Server, answer, evaluation};

/// Each row is a mistake and the field that the answer must name.
#[tokio::test]
async fn bad_values_are_named_and_change_nothing() {
    let server = Server::start().await;
    let mut with = Vec::new();
    for (field, value, named) in [
        ("agent_type", json!("SARSA"), "agent_type"),
        ("agent_type", json!(7), "agent_type"),
        ("agent_state", json!({}), "agent_state"),
        ("agent_state", json!({"data": "AAAA"}), "agent_state.format"),
        (
            "agent_state",
            json!({"format": "sb3-zip", "data": "*"}),
            "agent_state.data",
        ),
        (
            "agent_state",
            json!({"format": "sb3-zip", "data": ""}),
            "agent_state.data",
        ),
        (
            "agent_state",
            json!({"format": "pickle", "data": "AAAA"}),
            "agent_state.format",
        ),
        (
            "agent_state",
            json!({"artifact": "abc"}),
            "agent_state.artifact",
        ),
        (
            "agent_state",
            json!({"artifact": "0".repeat(64)}),
            "agent_state.artifact",
        ),
        (
            "agent_state",
            json!({"artifact": "0".repeat(64), "data": "AAAA"}),
            "agent_state",
        ),
        ("environments", json!([]), "environments"),
        (
            "environments",
            json!(["CartPole-v1", "Nowhere-v0"]),
            "environments[1]",
        ),
        (
            "environments",
            json!(["CartPole-v1", "CartPole-v1"]),
            "environments[1]",
        ),
        (
            "environments",
            json!(vec!["CartPole-v1"; 17]),
            "environments",
        ),
        ("environments", json!("CartPole-v1"), "environments"),
        ("num_episodes", json!(0), "num_episodes"),
        ("num_episodes", json!(1001), "num_episodes"),
        ("num_episodes", json!(1.5), "num_episodes"),
        ("seed", json!(-1), "seed"),
        ("seed", json!(1_u64 << 53), "seed"),
        ("timeout_seconds", json!(0), "timeout_seconds"),
        ("priority", json!("urgent"), "priority"),
        ("stop", json!("soon"), "stop"),
        ("reuse", json!("never"), "reuse"),
        ("labels", json!({"a": "x".repeat(257)}), "labels.a"),
        ("labels", json!({"": "x"}), "labels"),
        ("labels", json!({"a": "x\0"}), "labels"),
        ("labels", json!({"\0": "x"}), "labels"),
        ("hyperparameters", json!({"lr": [1]}), "hyperparameters.lr"),
        (
            "hyperparameters",
            json!(
                (0..65)
                    .map(|i| (i.to_string(), i))
                    .collect::<std::collections::HashMap<_, _>>()
            ),
            "hyperparameters",
        ),
        ("num_epsiodes", json!(5), "num_epsiodes"),
    ] {
        let mut body = evaluation();
        body[field] = value;
        with.push((body, named));
    }
    for verdictless in ["compare_to_baseline", "detect_regressions"] {
        let mut body = evaluation();
        body["stop"] = json!("when_decided");
        body[verdictless] = json!(false);
        with.push((body, "stop"));
    }
    for (body, named) in with {
        assert_names(&server, body, named).await;
    }
    assert_eq!(server.jobs().await, 0);
}

/// Alone and in a batch, the body is refused and the field named.
async fn assert_names(server: &Server, body: Value, named: &str) {
    let (status, problem) = server.post("/v1/evaluate", &body).await;
    assert_eq!(
        status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{body} gave {problem}"
    );
    assert_eq!(problem["code"], "invalid_value");
    assert_eq!(
        problem["errors"][0]["field"], named,
        "{body} gave {problem}"
    );
    let (status, problem) = server
        .post(
            "/v1/evaluate/batch",
            &json!({"evaluations": [evaluation(), body]}),
        )
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let field = problem["errors"][0]["field"].as_str().unwrap();
    assert_eq!(field, format!("evaluations[1].{named}"));
}

#[tokio::test]
async fn what_is_not_json_is_malformed_and_other_types_are_unsupported() {
    let server = Server::start().await;
    let post = |body: &'static str| server.request(Method::POST, "/v1/evaluate").body(body);
    let json_type = ("content-type", "application/json");
    for body in ["", "{", "[1]]", "nonsense"] {
        let (status, problem) = answer(post(body).header(json_type.0, json_type.1)).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::BAD_REQUEST, &json!("malformed")),
            "{body}"
        );
    }
    let (status, problem) = answer(post("{}")).await;
    assert_eq!(
        (status, &problem["code"]),
        (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            &json!("unsupported_media_type")
        )
    );
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let body = format!(
        r#"{{"agent_type": "DQN", "agent_state": {{"format": "mlp-json", "data": {nested}}}}}"#
    );
    let request = server
        .request(Method::POST, "/v1/evaluate")
        .body(body)
        .header(json_type.0, json_type.1);
    let (status, problem) = answer(request).await;
    assert_eq!(
        status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "deep nesting is never unfolded"
    );
    assert_eq!(problem["errors"][0]["field"], "agent_state.data");
}

#[tokio::test]
async fn a_missing_field_is_named() {
    let server = Server::start().await;
    for (path, body, named) in [
        ("/v1/evaluate", json!([]), "(body)"),
        ("/v1/evaluate", json!({}), "agent_type"),
        ("/v1/evaluate", json!({"agent_type": "DQN"}), "agent_state"),
        (
            "/v1/evaluate/batch",
            json!({"evaluations": [{}]}),
            "evaluations[0].agent_type",
        ),
        ("/v1/baselines", json!({"agent_type": "DQN"}), "environment"),
    ] {
        let (status, problem) = server.post(path, &body).await;
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!(named))
        );
    }
}

#[tokio::test]
async fn bodies_are_bounded() {
    let server = Server::start().await;
    let body = vec![0; 10 * 1024 * 1024 + 1];
    let put = server
        .request(Method::PUT, "/v1/artifacts")
        .header("content-type", "application/octet-stream");
    let (status, problem) = answer(put.body(body)).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::PAYLOAD_TOO_LARGE, &json!("payload_too_large"))
    );
}

#[tokio::test]
async fn other_paths_and_other_methods_are_turned_away() {
    let server = Server::start().await;
    assert_eq!(server.get("/v1/nothing").await.0, StatusCode::NOT_FOUND);
    for (method, path, allowed) in [
        (Method::DELETE, "/v1/jobs", "GET, HEAD"),
        (Method::PUT, "/v1/baselines", "GET, HEAD, POST"),
        (Method::OPTIONS, "/v1/evaluate", "POST"),
        (Method::TRACE, "/health", "GET, HEAD"),
    ] {
        let response = server.request(method, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()["allow"], allowed, "{path}");
    }
}
