//! Policies compute what Stable-Baselines3 computes from the same files. The golden values come
//! from `golden/policies.py`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use tars_engine::catalogue::{EnvironmentSpec, SuccessRule};
use tars_engine::lanes::{Actions, LaneMatrix};
use tars_engine::policy::{
    Activation, Actor, Dense, DifferingObservations, Head, Normalizer, Policy, Spaces,
};
use tars_engine::policy_file::{self, Format, Given};
use tars_engine::space::{ActionSpace, BoxSpace};

#[derive(Deserialize)]
struct Golden {
    head: String,
    normalizer: Option<String>,
    action_space: Space,
    observations: Vec<Vec<f32>>,
    outputs: Vec<Vec<f32>>,
    actions: Chosen,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Space {
    Discrete { n: usize },
    Box { low: Vec<f32>, high: Vec<f32> },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Chosen {
    Indices(Vec<u32>),
    Vectors(Vec<Vec<f32>>),
}

#[derive(Deserialize)]
struct GoldenNormalizer {
    mean: Vec<f64>,
    var: Vec<f64>,
    epsilon: f64,
    clip: f64,
    observations: Vec<Vec<f32>>,
    normalized: Vec<Vec<f32>>,
}

/// Both sides add up in f32, in different orders.
const TOLERANCE: f32 = 1e-5;

fn bytes(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/policies");
    fs::read(folder.join(name)).expect("the fixture is in the repository")
}

fn policy(name: &str, golden: &Golden) -> Policy {
    // The fixtures' environment is made up: its bounds are nobody's.
    let given = Given {
        differing_observations: DifferingObservations::Raw,
        ..Given::default()
    };
    let file = policy_file::read(Format::Sb3Zip, &given, &bytes(&format!("{name}.zip")))
        .expect("SB3 saved it");
    let Some(normalizer) = &golden.normalizer else {
        return file.policy;
    };
    let normalizer = policy_file::read_vec_normalize(&bytes(normalizer)).expect("SB3 saved it");
    let file = file.normalized_by(normalizer.expect("it normalises observations"));
    file.expect("the dimensions agree").policy
}

fn environment(observations: usize, action_space: ActionSpace) -> EnvironmentSpec {
    EnvironmentSpec {
        id: "Fixture-v0".into(),
        version: 0,
        observation_space: BoxSpace {
            low: vec![-8.0; observations],
            high: vec![8.0; observations],
        },
        action_space,
        max_episode_steps: 1,
        success: SuccessRule::GoalReached,
        reward_threshold: None,
    }
}

fn lanes(vectors: &[Vec<f32>]) -> LaneMatrix {
    let mut matrix = LaneMatrix::zeros(vectors[0].len(), vectors.len());
    for (lane, vector) in vectors.iter().enumerate() {
        matrix.set_lane(lane, vector);
    }
    matrix
}

/// Within [`TOLERANCE`] of the expected value, relative to it or, near 0, to 1.
fn assert_close(actual: impl Iterator<Item = f32>, expected: &[f32], case: &str) {
    let actual: Vec<f32> = actual.collect();
    assert_eq!(actual.len(), expected.len(), "{case}");
    for (actual, expected) in actual.iter().zip(expected) {
        let error = (actual - expected).abs() / expected.abs().max(1.0);
        assert!(error <= TOLERANCE, "{case}: {actual} instead of {expected}");
    }
}

#[test]
fn outputs_and_actions_are_those_of_stable_baselines3() {
    let golden: BTreeMap<String, Golden> =
        serde_json::from_slice(&bytes("outputs.json")).expect("it is JSON");
    assert!(golden.len() >= 16);
    for (name, golden) in golden {
        let space = match &golden.action_space {
            Space::Discrete { n } => ActionSpace::Discrete { n: *n },
            Space::Box { low, high } => ActionSpace::Box(BoxSpace {
                low: low.clone(),
                high: high.clone(),
            }),
        };
        let observations = lanes(&golden.observations);
        let environment = environment(observations.features(), space);
        let mut actor = Actor::new(
            &policy(&name, &golden),
            &environment,
            observations.lanes(),
            true,
        )
        .unwrap_or_else(|misfit| panic!("{name}: {misfit}"));
        let actions = actor
            .act(observations.lanes(), &observations)
            .expect("the fixtures are finite");
        match (actions, &golden.actions) {
            // The fixtures are chosen so that no two outputs are closer than rounding.
            (Actions::Discrete(actions), Chosen::Indices(expected)) => {
                assert_eq!(actions, expected, "{name}");
            }
            (Actions::Continuous(actions), Chosen::Vectors(expected)) => {
                for (lane, expected) in expected.iter().enumerate() {
                    assert_close(
                        actions.lane(lane),
                        expected,
                        &format!("action {lane} of {name}"),
                    );
                }
            }
            _ => panic!("{name}: the kind of action differs"),
        }
        for (lane, expected) in golden.outputs.iter().enumerate() {
            // SB3's actor squashes its outputs after what the fixture holds.
            let squash = |output: &f32| {
                if golden.head == "squashed" {
                    output.tanh()
                } else {
                    *output
                }
            };
            let expected: Vec<f32> = expected.iter().map(squash).collect();
            assert_close(
                actor.outputs().lane(lane),
                &expected,
                &format!("output {lane} of {name}"),
            );
        }
    }
}

/// A linear network that is the identity shows what reaches a network.
#[test]
fn normalized_observations_are_those_of_vec_normalize_to_the_bit() {
    let golden: BTreeMap<String, GoldenNormalizer> =
        serde_json::from_slice(&bytes("normalizers.json")).expect("it is JSON");
    assert!(golden.len() >= 2);
    for (name, golden) in golden {
        let dimensions = golden.mean.len();
        let diagonal = |index| {
            if index / dimensions == index % dimensions {
                1.0
            } else {
                0.0
            }
        };
        let policy = Policy {
            layers: vec![Dense {
                inputs: dimensions,
                outputs: dimensions,
                weight: (0..dimensions * dimensions).map(diagonal).collect(),
                bias: vec![0.0; dimensions],
            }],
            activation: Activation::Tanh,
            head: Head::Logits,
            spaces: Spaces::default(),
            normalizer: Some(Normalizer {
                mean: golden.mean,
                var: golden.var,
                epsilon: golden.epsilon,
                clip: golden.clip,
            }),
        };
        let observations = lanes(&golden.observations);
        let environment = environment(dimensions, ActionSpace::Discrete { n: dimensions });
        let mut actor =
            Actor::new(&policy, &environment, observations.lanes(), true).expect("it fits");
        actor
            .act(observations.lanes(), &observations)
            .expect("the fixtures are finite");
        assert_eq!(actor.outputs(), &lanes(&golden.normalized), "{name}");
    }
}
