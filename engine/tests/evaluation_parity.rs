//! Whole evaluations give, seed by seed, the returns that Stable-Baselines3 itself measured with
//! the same policy file. The golden values are `examples/policies/measured.json`, written by
//! `examples/policies/train.py`.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use serde::Deserialize;
use tars_engine::environment;
use tars_engine::policy::Policy;
use tars_engine::policy_file::{self, Format, Given};
use tars_engine::rollout::{self, Plan, Rollout};

#[derive(Deserialize)]
struct Measured {
    file: String,
    normalizer: Option<String>,
    environment: String,
    returns: Vec<f64>,
    steps: Vec<u32>,
}

fn bytes(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/policies");
    fs::read(folder.join(name)).expect("the example is in the repository")
}

fn policy(measured: &Measured) -> Policy {
    let file = policy_file::read(Format::Sb3Zip, &Given::default(), &bytes(&measured.file))
        .expect("SB3 saved it");
    let Some(normalizer) = &measured.normalizer else {
        return file.policy;
    };
    let normalizer = policy_file::read_vec_normalize(&bytes(normalizer)).expect("SB3 saved it");
    let file = file.normalized_by(normalizer.expect("it normalises observations"));
    file.expect("the dimensions agree").policy
}

fn evaluate(measured: &Measured) -> Rollout {
    let make =
        |lanes| {
            Ok(environment::native(&measured.environment, lanes)
                .expect("the examples use native ones"))
        };
    let episodes = u32::try_from(measured.returns.len()).expect("there are a hundred");
    let plan = Plan::new(0, episodes, true);
    rollout::run(&make, &policy(measured), &plan, &|_| {
        ControlFlow::Continue(())
    })
    .expect("the policy fits")
}

#[test]
fn returns_are_those_of_stable_baselines3() {
    let measured: BTreeMap<String, Measured> =
        serde_json::from_slice(&bytes("measured.json")).expect("it is JSON");
    assert!(measured.len() >= 8);
    for (name, measured) in measured {
        let rollout = evaluate(&measured);
        let lengths: Vec<u32> = rollout
            .episodes
            .iter()
            .map(|episode| episode.steps)
            .collect();
        assert_eq!(lengths, measured.steps, "{name}");
        // Discrete actions hide the last bits of the network's outputs. Continuous ones do not, and
        // an unstable pendulum lets the difference grow.
        let tolerance = if rollout.action_counts.is_some() {
            0.0
        } else {
            1e-4
        };
        for (episode, expected) in rollout.episodes.iter().zip(&measured.returns) {
            let (seed, actual) = (episode.seed, episode.total_reward);
            let error = (actual - expected).abs();
            assert!(
                error <= tolerance * expected.abs(),
                "{name}, seed {seed}: {actual} instead of {expected}"
            );
        }
    }
}
