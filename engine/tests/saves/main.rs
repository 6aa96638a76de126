//! Policy files as people have them: read rightly, or refused by what they are. The files and the
//! libraries' own numbers come from `golden/saves.py`.

mod golden;
mod refusals;

use golden::{Chosen, Golden};
use tars_engine::catalogue::{self, EnvironmentSpec};
use tars_engine::lanes::{Actions, LaneMatrix};
use tars_engine::policy::{Actor, Head, Noise, Policy};
use tars_engine::rollout::{self, Plan};
use tars_engine::{environment, policy_file};

/// Both sides add up in f32, in different orders, and batch normalisation is folded into weights.
const TOLERANCE: f32 = 2e-5;

fn specification(id: &str) -> &'static EnvironmentSpec {
    catalogue::find(id).expect("the fixtures use native environments")
}

/// The policy in the environment of its fixture, with a lane for each of the observations.
fn actor(
    policy: &Policy,
    golden: &Golden,
    observations: &LaneMatrix,
    deterministic: bool,
) -> Actor {
    let environment = specification(&golden.env);
    Actor::new(policy, environment, observations.lanes(), deterministic)
        .expect("the fixture's policy fits its environment")
}

fn lanes(vectors: &[Vec<f32>]) -> LaneMatrix {
    let mut matrix = LaneMatrix::zeros(vectors[0].len(), vectors.len());
    for (lane, vector) in vectors.iter().enumerate() {
        matrix.set_lane(lane, vector);
    }
    matrix
}

/// Within [`TOLERANCE`] of the expected values, relative to them or, near 0, to 1.
fn assert_close(actual: impl IntoIterator<Item = f32>, expected: &[f32], case: &str) {
    let actual: Vec<f32> = actual.into_iter().collect();
    assert_eq!(actual.len(), expected.len(), "{case}");
    for (actual, expected) in actual.iter().zip(expected) {
        let error = (actual - expected).abs() / expected.abs().max(1.0);
        assert!(error <= TOLERANCE, "{case}: {actual} instead of {expected}");
    }
}

/// The golden entries with numbers, each with its policy.
fn readable() -> impl Iterator<Item = (String, Golden, Policy)> {
    let all = golden::load();
    assert!(all.len() >= 120, "there are only {} files", all.len());
    all.into_iter()
        .filter(|(_, golden)| golden.is_readable())
        .map(|(name, golden)| {
            let file = golden
                .read(&name)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, golden, file.policy)
        })
}

#[test]
fn algorithm_and_actions_are_the_librarys() {
    for (name, golden, policy) in readable() {
        let file = golden.read(&name).expect("it was read before");
        if golden.algorithm.is_some() {
            assert_eq!(file.algorithm, golden.algorithm, "{name}");
        }
        if golden.observations.is_empty() {
            continue;
        }
        let observations = lanes(&golden.observations);
        let mut actor = actor(&policy, &golden, &observations, true);
        let actions = actor.act(observations.lanes(), &observations).unwrap();
        match (actions, &golden.actions) {
            (Actions::Discrete(actual), Chosen::Indices(expected)) => {
                assert_eq!(actual, expected, "{name}");
            }
            (Actions::Continuous(actual), Chosen::Vectors(expected)) => {
                for (lane, expected) in expected.iter().enumerate() {
                    assert_close(actual.lane(lane), expected, &format!("{name}, case {lane}"));
                }
            }
            _ => panic!("{name}: another kind of action"),
        }
    }
}

#[test]
fn outputs_are_the_librarys() {
    for (name, golden, mut policy) in readable() {
        let Some(outputs) = &golden.outputs else {
            continue;
        };
        let observations = lanes(&golden.observations);
        // Without tanh, as the golden outputs are.
        if matches!(policy.head, Head::Squashed | Head::SquashedGaussian { .. }) {
            policy.head = Head::Action;
        }
        let mut actor = actor(&policy, &golden, &observations, true);
        actor.act(observations.lanes(), &observations).unwrap();
        for (lane, expected) in outputs.iter().enumerate() {
            let case = format!("{name}, case {lane}");
            assert_close(actor.outputs().lane(lane), expected, &case);
        }
    }
}

#[test]
fn episodes_are_the_librarys() {
    for (name, golden, policy) in readable() {
        let make = |lanes| {
            Ok(environment::native(&golden.env, lanes).expect("the fixtures use native ones"))
        };
        let episodes = u32::try_from(golden.episodes.len()).expect("there are twelve");
        let plan = Plan::new(5000, episodes, true);
        let go_on = |_| std::ops::ControlFlow::Continue(());
        let rollout = rollout::run(&make, &policy, &plan, &go_on).unwrap();
        for (actual, expected) in rollout.episodes.iter().zip(&golden.episodes) {
            let case = format!("{name}, seed {}", actual.seed);
            assert_eq!(actual.steps, expected.1, "{case}");
            let error = (actual.total_reward - expected.0).abs() / expected.0.abs().max(1e-9);
            // An unstable pendulum lets the last bits of continuous actions grow.
            let tolerance = if rollout.action_counts.is_some() {
                0.0
            } else {
                1e-4
            };
            assert!(
                error <= tolerance,
                "{case}: {} for {}",
                actual.total_reward,
                expected.0
            );
        }
    }
}

/// What a draw adds to the mean has the deviation that the library computes for each observation.
#[test]
fn deviations_of_sampled_actions_are_the_librarys() {
    let mut checked = 0;
    for (name, golden, policy) in readable() {
        let Some(sampling) = &golden.sampling else {
            continue;
        };
        let (Head::Gaussian { noise } | Head::SquashedGaussian { noise, .. }) = &policy.head else {
            panic!("{name} has no noise");
        };
        if *noise == Noise::Unknown {
            let unknown = ["crossq-gsde.zip", "cleanrl-sac.cleanrl_model"];
            assert!(unknown.contains(&name.as_str()), "{name} should be sampled");
            continue;
        }
        let observations = lanes(&golden.observations);
        let mut actor = actor(&policy, &golden, &observations, false);
        actor.act(observations.lanes(), &observations).unwrap();
        for (lane, expected) in sampling.std.iter().enumerate() {
            let outputs: Vec<f32> = actor.outputs().lane(lane).collect();
            let actions = expected.len();
            let deviation = |action: usize| match noise {
                Noise::Constant { log_std } => log_std[action].exp(),
                Noise::Layer(_) => outputs[actions + action].clamp(-20.0, 2.0).exp(),
                Noise::StateDependent { std } => {
                    let entries = std.iter().skip(action).step_by(actions);
                    let features = &outputs[actions..];
                    // The library adds its epsilon for the density's sake; the noise lacks it.
                    let variance = features
                        .iter()
                        .zip(entries)
                        .map(|(x, std)| (x * std).powi(2));
                    (variance.sum::<f32>() + 1e-6).sqrt()
                }
                Noise::Unknown => unreachable!("skipped above"),
            };
            let case = format!("{name}, case {lane}");
            assert_close((0..actions).map(deviation), expected, &case);
            let mean_bound = match policy.head {
                Head::SquashedGaussian { mean_bound, .. } => mean_bound.unwrap_or(f32::INFINITY),
                _ => f32::INFINITY,
            };
            let means = outputs[..actions]
                .iter()
                .map(|mean| mean.clamp(-mean_bound, mean_bound));
            assert_close(means, &sampling.mean[lane], &case);
        }
        checked += 1;
    }
    assert!(
        checked >= 10,
        "only {checked} files say how they are sampled"
    );
}

/// Whoever trained the save, its activation is said by the file, never guessed.
#[test]
fn a_summary_says_what_was_read() {
    let golden = golden::load();
    let summary = |name: &str| {
        let entry = &golden[name];
        let file = entry.read(name).unwrap();
        let format = policy_file::detect(&golden::bytes(name)).unwrap();
        let summary = policy_file::Summary::of(&file, format, specification(&entry.env));
        serde_json::to_value(summary).unwrap()
    };
    let normalized = summary("sac-normalized.zip");
    assert_eq!(normalized["algorithm"], "SAC");
    assert_eq!(normalized["format"], "sb3-zip");
    assert_eq!(normalized["activation"], "relu");
    assert_eq!(normalized["activation_source"], "library_default");
    assert_eq!(normalized["observations"], "normalized");
    assert_eq!(
        normalized["action_bounds"],
        serde_json::json!({"low": [-2.0], "high": [2.0]})
    );
    let elu = summary("activation-elu.zip");
    assert_eq!(elu["activation"], "elu");
    assert_eq!(elu["activation_source"], "file");
    assert_eq!(elu["observations"], "raw");
    assert!(elu["action_bounds"].is_null());
}
