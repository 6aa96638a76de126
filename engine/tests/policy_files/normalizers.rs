//! The statistics of `VecNormalize` files.

use std::collections::BTreeMap;

use serde::Deserialize;
use tars_engine::policy::Normalizer;
use tars_engine::policy_file;

use super::{bytes, read};

#[derive(Deserialize)]
struct GoldenNormalizer {
    mean: Vec<f64>,
    var: Vec<f64>,
    epsilon: f64,
    clip: f64,
    observations: Vec<Vec<f32>>,
    normalized: Vec<Vec<f32>>,
}

fn golden_normalizers() -> BTreeMap<String, GoldenNormalizer> {
    serde_json::from_slice(&bytes("normalizers.json")).expect("it is JSON")
}

#[test]
fn vec_normalize_is_read_from_every_protocol_and_both_numpy_layouts() {
    let golden = golden_normalizers();
    let protocol = |number: u8| bytes(&format!("vecnormalize-pendulum-protocol{number}.pkl"));
    // NumPy 1 keeps the same functions under `numpy.core`; protocol 3 names them in lines, so no
    // length changes.
    let numpy_1 = replace(&protocol(3), b"cnumpy._core.", b"cnumpy.core.");
    let pendulum = "vecnormalize-pendulum.pkl";
    let mut files = vec![
        (pendulum, protocol(2)),
        (pendulum, protocol(3)),
        (pendulum, protocol(5)),
        (pendulum, numpy_1),
    ];
    files.extend(golden.keys().map(|name| (name.as_str(), bytes(name))));
    for (name, content) in files {
        let expected = Normalizer {
            mean: golden[name].mean.clone(),
            var: golden[name].var.clone(),
            epsilon: golden[name].epsilon,
            clip: golden[name].clip,
        };
        assert_eq!(
            policy_file::read_vec_normalize(&content),
            Ok(Some(expected)),
            "{name}"
        );
    }
}

#[test]
fn the_statistics_read_reproduce_sb3s_normalised_observations() {
    for (name, golden) in golden_normalizers() {
        let read = policy_file::read_vec_normalize(&bytes(&name))
            .unwrap()
            .unwrap();
        for (observation, expected) in golden.observations.iter().zip(&golden.normalized) {
            for (feature, (&raw, &expected)) in observation.iter().zip(expected).enumerate() {
                let scale = (read.var[feature] + read.epsilon).sqrt();
                let normalized =
                    ((f64::from(raw) - read.mean[feature]) / scale).clamp(-read.clip, read.clip);
                #[expect(clippy::cast_possible_truncation, reason = "SB3 rounds to f32 too")]
                let normalized = normalized as f32;
                assert_eq!(
                    normalized.to_bits(),
                    expected.to_bits(),
                    "{name}, feature {feature}"
                );
            }
        }
    }
}

#[test]
fn a_vec_normalize_for_rewards_only_means_no_normalisation() {
    let read = policy_file::read_vec_normalize(&bytes("vecnormalize-rewards-only.pkl"));
    assert_eq!(read, Ok(None));
}

#[test]
fn a_normalizer_of_another_environment_is_refused() {
    let cartpole = policy_file::read_vec_normalize(&bytes("vecnormalize-cartpole.pkl"));
    let policy = read("ppo-pendulum.zip", None).unwrap();
    let error = policy
        .normalized_by(cartpole.unwrap().unwrap())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("it has 4 dimensions, but the policy takes 3 inputs"),
        "{error}"
    );
}

#[test]
fn vec_normalizes_of_other_observations_are_refused_by_what_they_are() {
    let cases = [
        ("vecnormalize-dict.pkl", "a dictionary"),
        ("vecnormalize-matrix.pkl", "no one-dimensional array"),
    ];
    for (name, expected) in cases {
        let error =
            policy_file::read_vec_normalize(&bytes(&format!("refused/{name}"))).unwrap_err();
        assert!(error.to_string().contains(expected), "{name}: {error}");
    }
}

/// `bytes` with every `from` replaced by `to`.
fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::new();
    let mut rest = bytes;
    while let Some(place) = rest.windows(from.len()).position(|window| window == from) {
        replaced.extend_from_slice(&rest[..place]);
        replaced.extend_from_slice(to);
        rest = &rest[place + from.len()..];
    }
    assert!(rest.len() < bytes.len(), "there is something to replace");
    replaced.extend_from_slice(rest);
    replaced
}
