//! The request's schema and its validation accept and refuse the same values.

use std::collections::BTreeMap;

use jsonschema::Validator;
use serde_json::{Value, json};
use tars_engine::policy_file::Algorithm;
use tars_shared::artifact::Digest;
use tars_shared::request::body::Body;
use uuid::Uuid;

use crate::{of_requests, validator};

fn evaluation() -> Value {
    json!({"agent_type": "ppo", "agent_state": {"format": "mlp-json", "data": {"layers": []}}})
}

fn with(field: &str, value: Value) -> Value {
    let mut body = evaluation();
    body[field] = value;
    body
}

/// What the service makes of it, as far as it needs no store to tell.
fn is_valid(body: &Value) -> bool {
    let parsed = serde_json::from_str::<Body>(&body.to_string());
    parsed.is_ok_and(|body| body.validate(Uuid::nil()).is_ok())
}

#[track_caller]
fn both(schema: &Validator, body: &Value, expected: bool) {
    let errors: Vec<_> = schema
        .iter_errors(body)
        .map(|error| error.to_string())
        .collect();
    assert_eq!(
        (errors.is_empty(), is_valid(body)),
        (expected, expected),
        "{body}: {errors:?}"
    );
}

fn entries(number: usize) -> Value {
    json!(
        (0..number)
            .map(|entry| (entry.to_string(), entry.to_string()))
            .collect::<BTreeMap<_, _>>()
    )
}

#[test]
fn both_accept_what_is_right() {
    let schema = validator(&of_requests::<Body>());
    let digest = Digest::of(b"abc").to_string();
    both(&schema, &evaluation(), true);
    for (field, value) in [
        ("agent_type", json!("dDpG")),
        ("agent_type", json!("A2C")),
        ("agent_state", json!({"artifact": digest})),
        (
            "agent_state",
            json!({"artifact": digest.to_uppercase(), "format": "sb3-zip", "data": null}),
        ),
        (
            "agent_state",
            json!({"format": "safetensors", "data": "AAAA", "artifact": null, "vec_normalize": null}),
        ),
        ("agent_state", json!({"format": "mlp-json", "data": "e30="})),
        (
            "agent_state",
            json!({"format": "sb3-zip", "data": "AA==", "vec_normalize": {"data": "AAA="}}),
        ),
        (
            "agent_state",
            json!({"artifact": digest, "format": null, "vec_normalize": {"artifact": digest, "data": null}}),
        ),
        (
            "agent_state",
            json!({
                "artifact": digest, "activation": "SiLU", "trust_architecture": true,
                "rescale_actions": false, "observations": "rescaled",
            }),
        ),
        (
            "agent_state",
            json!({"artifact": digest, "activation": null, "observations": null, "rescale_actions": null}),
        ),
        ("environments", json!(["CartPole-v1", "Pendulum-v1"])),
        ("environments", json!(null)),
        ("num_episodes", json!(1)),
        ("num_episodes", json!(5.0)),
        ("num_episodes", json!(1000)),
        ("num_episodes", json!(null)),
        ("quick_mode", json!(true)),
        ("compare_to_baseline", json!(null)),
        ("seed", json!(0)),
        ("seed", json!(null)),
        ("timeout_seconds", json!(1e3)),
        ("seed", json!((1_u64 << 53) - 1001)),
        ("timeout_seconds", json!(86_400)),
        ("priority", json!("low")),
        (
            "labels",
            json!({"a": "", "ä\n".repeat(32): "x".repeat(256)}),
        ),
        ("labels", entries(64)),
        (
            "hyperparameters",
            json!({"lr": 0.1, "big": u64::MAX, "name": "ä".repeat(256)}),
        ),
        ("losses", json!([-1, 0.5, 1e300])),
        ("losses", json!(vec![0; 10_000])),
        ("callback_url", json!(null)),
        (
            "callback_url",
            json!("https://ci.example.org/hooks/tars?job=1"),
        ),
        ("callback_url", json!("http://a-b.example.org:8080")),
    ] {
        both(&schema, &with(field, value), true);
    }
}

#[test]
fn both_refuse_what_is_wrong() {
    let schema = validator(&of_requests::<Body>());
    let digest = "0".repeat(64);
    for (field, value) in [
        ("agent_type", json!("PPO2")),
        ("agent_type", json!("PPO ")),
        ("agent_type", json!(7)),
        ("agent_type", json!(null)),
        ("agent_state", json!({})),
        (
            "agent_state",
            json!({"artifact": digest, "activation": "step"}),
        ),
        (
            "agent_state",
            json!({"artifact": digest, "observations": "scaled"}),
        ),
        (
            "agent_state",
            json!({"artifact": digest, "trust_architecture": "yes"}),
        ),
        ("agent_state", json!(null)),
        ("agent_state", json!({"data": "AAAA"})),
        ("agent_state", json!({"format": "mlp-json"})),
        ("agent_state", json!({"format": "sb3-zip", "data": "*"})),
        ("agent_state", json!({"format": "sb3-zip", "data": "AAA"})),
        ("agent_state", json!({"format": "sb3-zip", "data": "AB=="})),
        ("agent_state", json!({"format": "sb3-zip", "data": "AAB="})),
        ("agent_state", json!({"format": "sb3-zip", "data": ""})),
        ("agent_state", json!({"format": "sb3-zip", "data": {}})),
        ("agent_state", json!({"format": "mlp-json", "data": []})),
        ("agent_state", json!({"format": "pickle", "data": "AAAA"})),
        ("agent_state", json!({"artifact": "abc"})),
        ("agent_state", json!({"artifact": "g".repeat(64)})),
        ("agent_state", json!({"artifact": digest, "data": "AAAA"})),
        ("agent_state", json!({"artifact": digest, "path": "x"})),
        (
            "agent_state",
            json!({"artifact": digest, "vec_normalize": {}}),
        ),
        (
            "agent_state",
            json!({"artifact": digest, "vec_normalize": {"artifact": digest, "data": "AAAA"}}),
        ),
        ("environments", json!([])),
        ("environments", json!(["CartPole-v1", "Nowhere-v0"])),
        ("environments", json!(["CartPole-v1", "CartPole-v1"])),
        ("environments", json!(vec!["CartPole-v1"; 17])),
        ("environments", json!("CartPole-v1")),
        ("num_episodes", json!(0)),
        ("num_episodes", json!(1001)),
        ("num_episodes", json!(1.5)),
        ("num_episodes", json!("5")),
        ("quick_mode", json!(null)),
        ("deterministic", json!("yes")),
        ("seed", json!(-1)),
        ("seed", json!((1_u64 << 53) - 1000)),
        ("timeout_seconds", json!(0)),
        ("timeout_seconds", json!(86_401)),
        ("priority", json!("urgent")),
        ("priority", json!("High")),
        ("priority", json!(null)),
        ("labels", json!(null)),
        ("labels", json!({"a": 1})),
        ("labels", json!({"a": "x".repeat(257)})),
        ("labels", json!({"a".repeat(65): "x"})),
        ("labels", json!({"": "x"})),
        ("labels", json!({"a": "x\0"})),
        ("labels", json!({"\0": "x"})),
        ("labels", entries(65)),
        ("hyperparameters", json!({"lr": [1]})),
        ("hyperparameters", json!({"lr": null})),
        ("hyperparameters", json!({"lr": "x".repeat(257)})),
        ("hyperparameters", json!({"lr": "\0"})),
        ("hyperparameters", entries(65)),
        ("losses", json!(["1"])),
        ("losses", json!(null)),
        ("losses", json!(vec![0; 10_001])),
        ("callback_url", json!("")),
        ("callback_url", json!(7)),
        ("callback_url", json!("example.org/hooks")),
        ("callback_url", json!("ftp://example.org")),
        ("callback_url", json!("https://u:p@example.org")),
        ("callback_url", json!("https://example.org/#x")),
        ("callback_url", json!("https://example.org/a b")),
        (
            "callback_url",
            json!(format!("https://example.org/{}", "x".repeat(2048))),
        ),
        ("num_epsiodes", json!(5)),
    ] {
        both(&schema, &with(field, value), false);
    }
    both(&schema, &json!({}), false);
    both(&schema, &json!({"agent_type": "DQN"}), false);
    both(&schema, &json!("DQN"), false);
}

#[test]
fn examples_and_defaults_are_valid() {
    fn check(schema: &Value, root: &Value) {
        let Value::Object(object) = schema else {
            return;
        };
        let given = object
            .get("examples")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .chain(object.get("default"));
        let mut alone = schema.clone();
        alone["$defs"] = root["$defs"].clone();
        let validator = validator(&alone);
        for value in given {
            assert!(
                validator.is_valid(value),
                "{value} is no example of {schema}"
            );
        }
        for part in ["properties", "$defs"] {
            object
                .get(part)
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .for_each(|(_, part)| check(part, root));
        }
        object
            .get("oneOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .for_each(|part| check(part, root));
    }
    let schema = of_requests::<Body>();
    assert_eq!(schema["properties"]["num_episodes"]["default"], 100);
    check(&schema, &schema);
}

#[test]
fn an_algorithm_is_read_in_any_case_and_written_in_one() {
    let read = validator(&of_requests::<Algorithm>());
    let written = validator(&crate::of_answers::<Algorithm>());
    for algorithm in Algorithm::ALL {
        let name = algorithm.name();
        assert!(read.is_valid(&json!(name)) && read.is_valid(&json!(name.to_lowercase())));
        assert!(written.is_valid(&json!(name)) && !written.is_valid(&json!(name.to_lowercase())));
    }
    assert!(!read.is_valid(&json!("PPO2")) && !read.is_valid(&json!("DQNX")));
}
