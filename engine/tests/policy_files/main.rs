//! Policies that Stable-Baselines3 saved are read bit for bit. The fixtures come from
//! `golden/policies.py`.

mod mlp_json;
mod normalizers;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use safetensors::SafeTensors;
use serde::Deserialize;
use tars_engine::policy::{Head, Noise, Policy, Spaces};
use tars_engine::policy_file::{self, ActivationSource, Algorithm, Format, PolicyFile};

#[derive(Deserialize)]
struct Golden {
    algorithm: Algorithm,
    activation: String,
    head: String,
    hidden: Vec<usize>,
    observations: Vec<Vec<f32>>,
    outputs: Vec<Vec<f32>>,
}

fn bytes(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/policies");
    fs::read(folder.join(name)).expect("the fixture is in the repository")
}

fn golden() -> BTreeMap<String, Golden> {
    let golden: BTreeMap<String, Golden> =
        serde_json::from_slice(&bytes("outputs.json")).expect("it is JSON");
    assert!(golden.len() >= 16);
    golden
}

fn read(name: &str, algorithm: Option<Algorithm>) -> Result<PolicyFile, policy_file::Error> {
    let content = bytes(name);
    let format = policy_file::detect(&content).expect("every fixture's format is recognised");
    policy_file::read(format, &algorithm.into(), &content)
}

/// Who says which activation a fixture's state dict has: its metadata, where one is needed.
fn source(policy: &Policy) -> ActivationSource {
    if policy.layers.len() > 1 {
        ActivationSource::File
    } else {
        ActivationSource::NotNeeded
    }
}

/// The activation of a network with one layer is none.
fn activation<'a>(policy: &Policy, golden: &'a Golden) -> &'a str {
    if policy.layers.len() > 1 {
        &golden.activation
    } else {
        "identity"
    }
}

/// The policy's tensors as the safetensors crate reads them, by SB3's names, layer by layer.
fn state_dict(name: &str, golden: &Golden) -> Vec<Vec<f32>> {
    let content = bytes(&format!("{name}.safetensors"));
    let tensors = SafeTensors::deserialize(&content).expect("it is safetensors");
    let (hidden, output) = match golden.algorithm {
        Algorithm::Dqn => ("q_net.q_net.", None),
        Algorithm::Ddpg => ("actor.mu.", None),
        Algorithm::A2c | Algorithm::Ppo => ("mlp_extractor.policy_net.", Some("action_net")),
        other => panic!("no fixture is of {other}"),
    };
    let numbered = |layer: usize| format!("{hidden}{}", 2 * layer);
    let mut layers: Vec<String> = (0..golden.hidden.len()).map(numbered).collect();
    layers.push(output.map_or_else(|| numbered(golden.hidden.len()), str::to_owned));
    let parts = layers
        .iter()
        .flat_map(|layer| [format!("{layer}.weight"), format!("{layer}.bias")]);
    parts
        .map(|part| {
            let tensor = tensors
                .tensor(&part)
                .expect("the layer is in the state dict");
            let (values, _) = tensor.data().as_chunks();
            values
                .iter()
                .map(|&value| f32::from_le_bytes(value))
                .collect()
        })
        .collect()
}

fn bits(tensors: &[Vec<f32>]) -> Vec<Vec<u32>> {
    let bits = |values: &Vec<f32>| values.iter().map(|value| value.to_bits()).collect();
    tensors.iter().map(bits).collect()
}

fn tensors(policy: &Policy) -> Vec<Vec<f32>> {
    let parts = policy
        .layers
        .iter()
        .flat_map(|layer| [&layer.weight, &layer.bias]);
    parts.cloned().collect()
}

#[test]
fn every_sb3_zip_gives_the_tensors_of_its_state_dict_bit_for_bit() {
    for (name, golden) in golden() {
        let policy = read(&format!("{name}.zip"), Some(golden.algorithm))
            .unwrap()
            .policy;
        assert_eq!(
            bits(&tensors(&policy)),
            bits(&state_dict(&name, &golden)),
            "{name}"
        );
        let widths: Vec<usize> = policy.layers.iter().map(|layer| layer.outputs).collect();
        assert_eq!(widths[..golden.hidden.len()], golden.hidden, "{name}");
        assert_eq!(
            policy.layers[0].inputs,
            golden.observations[0].len(),
            "{name}"
        );
        assert_eq!(widths.last(), Some(&golden.outputs[0].len()), "{name}");
    }
}

#[test]
fn every_safetensors_export_gives_the_same_policy_as_the_zip() {
    for (name, golden) in golden() {
        let from_zip = read(&format!("{name}.zip"), Some(golden.algorithm)).unwrap();
        let from_safetensors =
            read(&format!("{name}.safetensors"), Some(golden.algorithm)).unwrap();
        // A state dict records no spaces.
        let policy = Policy {
            spaces: Spaces::default(),
            ..from_zip.policy
        };
        assert_eq!(policy, from_safetensors.policy, "{name}");
        assert_eq!(
            from_safetensors.activation_source,
            source(&policy),
            "{name}"
        );
    }
}

#[test]
fn activation_and_head_are_those_of_the_model() {
    for (name, golden) in golden() {
        let policy = read(&format!("{name}.zip"), None).unwrap().policy;
        let head = match policy.head {
            Head::Values { .. } => "values",
            Head::Logits => "logits",
            Head::Gaussian { .. } => "gaussian",
            Head::Squashed => "squashed",
            ref other => panic!("no fixture has the head {other:?}"),
        };
        assert_eq!(
            policy.activation.name(),
            activation(&policy, &golden),
            "{name}"
        );
        assert_eq!(head, golden.head, "{name}");
    }
}

#[test]
fn a_save_tells_its_algorithm_and_a_state_dict_only_what_the_tensors_tell() {
    for (name, golden) in golden() {
        let algorithm = |extension| {
            read(&format!("{name}.{extension}"), None)
                .unwrap()
                .algorithm
        };
        assert_eq!(algorithm("zip"), Some(golden.algorithm), "{name}");
        let told = (golden.algorithm == Algorithm::Dqn).then_some(Algorithm::Dqn);
        assert_eq!(algorithm("safetensors"), told, "{name}");
    }
}

#[test]
fn another_algorithm_than_the_files_is_refused_with_both_named() {
    for (name, golden) in golden() {
        for given in Algorithm::ALL {
            let result = read(&format!("{name}.zip"), Some(given));
            if given == golden.algorithm {
                assert_eq!(result.unwrap().algorithm, Some(given), "{name} as {given}");
                continue;
            }
            let message = result.unwrap_err().to_string();
            assert!(message.contains(given.name()), "{message}");
            assert!(message.contains(golden.algorithm.name()), "{message}");
        }
    }
}

#[test]
fn exploration_rate_and_log_std_are_read() {
    let head = |name: &str| read(name, None).unwrap().policy.head;
    let dqn = head("dqn-cartpole.zip");
    assert_eq!(
        dqn,
        Head::Values {
            exploration_rate: 0.04
        }
    );
    let Head::Gaussian {
        noise: Noise::Constant { log_std },
    } = head("ppo-two-joints.zip")
    else {
        panic!("a Gaussian with log_std");
    };
    assert_eq!(log_std.len(), 2);
}

#[test]
fn state_dependent_exploration_has_a_deviation_per_feature_and_action() {
    let file = read("a2c-pendulum-gsde.zip", None).unwrap();
    let Head::Gaussian {
        noise: Noise::StateDependent { std },
    } = file.policy.head
    else {
        panic!("gSDE's noise");
    };
    assert_eq!(std.len(), 8, "eight features, one action");
    assert!(std.iter().all(|&std| std > 0.0));
}

#[test]
fn genuine_saves_that_are_no_plain_mlp_are_refused_by_what_they_are() {
    let cases = [
        ("ppo-dict-observation.zip", "gymnasium.spaces.dict.Dict"),
        (
            "ppo-discrete-observation.zip",
            "gymnasium.spaces.discrete.Discrete",
        ),
        (
            "ppo-multi-discrete.zip",
            "gymnasium.spaces.multi_discrete.MultiDiscrete",
        ),
        (
            "a2c-multi-binary.zip",
            "gymnasium.spaces.multi_binary.MultiBinary",
        ),
        ("ppo-cnn.zip", "features_extractor"),
    ];
    for (name, expected) in cases {
        let message = read(&format!("refused/{name}"), None)
            .unwrap_err()
            .to_string();
        assert!(message.contains(expected), "{name}: {message}");
    }
}

#[test]
fn formats_and_algorithms_are_read_in_any_case_and_printed_in_one() {
    for algorithm in Algorithm::ALL {
        let lower = algorithm.name().to_lowercase();
        assert_eq!(lower.parse(), Ok(algorithm));
        let from_json: Algorithm = serde_json::from_value(lower.into()).unwrap();
        assert_eq!(
            serde_json::to_value(from_json).unwrap(),
            algorithm.to_string()
        );
    }
    for format in Format::ALL {
        assert_eq!(format.name().to_uppercase().parse(), Ok(format));
        assert_eq!(serde_json::to_value(format).unwrap(), format.to_string());
    }
    let error = "PPO2".parse::<Algorithm>().unwrap_err().to_string();
    assert!(
        error.starts_with("\"PPO2\" is none of DQN, A2C, PPO, DDPG, SAC,"),
        "{error}"
    );
}

#[test]
fn the_example_policies_are_read_and_their_exports_are_the_same_policies() {
    let example = |name: &str| format!("../../../examples/policies/{name}");
    let measured: serde_json::Value =
        serde_json::from_slice(&bytes(&example("measured.json"))).unwrap();
    for (name, measured) in measured.as_object().unwrap() {
        let algorithm: Algorithm = measured["algorithm"].as_str().unwrap().parse().unwrap();
        let file = read(&example(&format!("{name}.zip")), Some(algorithm)).unwrap();
        if let Some(statistics) = measured["normalizer"].as_str() {
            let normalizer = policy_file::read_vec_normalize(&bytes(&example(statistics))).unwrap();
            file.normalized_by(normalizer.unwrap()).unwrap();
        }
    }
    for (zip, export) in [
        ("cartpole-ppo.zip", "cartpole-ppo.safetensors"),
        ("mountaincar-dqn.zip", "mountaincar-dqn.json"),
    ] {
        let policy = |name: &str| Policy {
            spaces: Spaces::default(),
            ..read(&example(name), None).unwrap().policy
        };
        assert_eq!(policy(zip), policy(export), "{export}");
    }
}
