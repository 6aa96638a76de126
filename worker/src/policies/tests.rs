//! What is read once, and what is read again.

use serde_json::json;
use tars_engine::policy::Activation;
use tars_engine::policy_file::{Algorithm, Format};
use tars_shared::agent::{AgentState, Base64, Blob, PolicyOptions};
use tars_shared::clock::System;
use tars_shared::conformance::samples;

use super::*;

const MIB: u64 = 1024 * 1024;

/// The bytes of a CartPole policy, as wide as this.
fn policy(width: usize) -> Vec<u8> {
    let hidden = json!({"weight": vec![[0.0, 0.0, 1.0, 0.5]; width], "bias": vec![0.0; width]});
    let out = json!({"weight": [vec![-1.0; width], vec![1.0; width]], "bias": [0.0, 0.0]});
    json!({"version": 1, "head": "values", "activation": "tanh", "layers": [hidden, out]})
        .to_string()
        .into_bytes()
}

fn request(policy: Blob) -> Request {
    let mut request = samples::submission(&System).request;
    request.parameters.agent_type = Algorithm::Dqn;
    request.agent_state = AgentState {
        policy,
        format: Some(Format::MlpJson),
        vec_normalize: None,
        options: PolicyOptions::default(),
    };
    request
}

async fn services() -> (tempfile::TempDir, Services) {
    let data = tempfile::tempdir().unwrap();
    let services = Services::embedded(data.path(), Arc::new(System)).await;
    (data, services.unwrap())
}

fn counts(services: &Services) -> (u64, u64) {
    let metrics = &services.metrics;
    (
        metrics.policy_cache_hits.get(),
        metrics.policy_cache_misses.get(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_ask_at_once_read_once_whether_inline_or_stored() {
    let (_data, services) = services().await;
    let bytes = policy(8);
    let digest = Digest::of(&bytes);
    services.store.artifacts.put(digest, &bytes).await.unwrap();
    let policies = Policies::new(MIB);
    let stored = request(Blob::Artifact(digest));
    let loads = (0..8).map(|_| policies.load(&services, &stored));
    let agents: Vec<_> = futures_util::future::join_all(loads)
        .await
        .into_iter()
        .map(|loaded| loaded.unwrap().unwrap())
        .collect();
    assert!(agents.iter().all(|agent| Arc::ptr_eq(agent, &agents[0])));
    let inline = request(Blob::Inline(Base64(bytes)));
    let again = policies.load(&services, &inline).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&again, &agents[0]), "the same bytes");
    assert_eq!(counts(&services), (8, 1));
    assert!(services.metrics.policy_cache_bytes.get() > 0);
}

#[tokio::test]
async fn what_decides_the_reading_tells_agents_apart() {
    let (_data, services) = services().await;
    let policies = Policies::new(MIB);
    let first = request(Blob::Inline(Base64(policy(8))));
    let mut detected = first.clone();
    detected.agent_state.format = None;
    let mut activated = first.clone();
    activated.agent_state.options.activation = Some(Activation::Tanh);
    let mut trained = first.clone();
    trained.parameters.agent_type = Algorithm::QrDqn;
    let mut normalized = first.clone();
    normalized.agent_state.vec_normalize = Some(Blob::Inline(Base64(b"no pickle".to_vec())));
    for request in [&first, &detected, &activated, &trained, &normalized] {
        // Whether it can be read does not matter here, only that it was tried.
        let _ = policies.load(&services, request).await.unwrap();
    }
    assert_eq!(counts(&services), (0, 5));
}

#[tokio::test]
async fn failures_are_not_remembered() {
    let (_data, services) = services().await;
    let policies = Policies::new(MIB);
    let bytes = policy(8);
    let digest = Digest::of(&bytes);
    let stored = request(Blob::Artifact(digest));
    let missing = policies.load(&services, &stored).await.unwrap();
    assert!(matches!(missing, Err(AgentError::Missing(_))));
    services.store.artifacts.put(digest, &bytes).await.unwrap();
    assert!(policies.load(&services, &stored).await.unwrap().is_ok());
}

#[tokio::test]
async fn the_bytes_are_bounded_and_none_turns_it_off() {
    let (_data, services) = services().await;
    let bound = 64 * 1024;
    let policies = Policies::new(bound);
    for width in 100..120 {
        let request = request(Blob::Inline(Base64(policy(width))));
        assert!(policies.load(&services, &request).await.unwrap().is_ok());
    }
    let bytes = u64::try_from(services.metrics.policy_cache_bytes.get()).unwrap();
    assert!(bytes > 0 && bytes <= bound, "{bytes}");

    let off = Policies::new(0);
    let request = request(Blob::Inline(Base64(policy(8))));
    let one = off.load(&services, &request).await.unwrap().unwrap();
    let other = off.load(&services, &request).await.unwrap().unwrap();
    assert!(!Arc::ptr_eq(&one, &other));
}
