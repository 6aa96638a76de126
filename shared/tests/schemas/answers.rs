//! What clients get satisfies its schema.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use tars_engine::catalogue::{self, EnvironmentSpec};
use tars_engine::environment;
use tars_engine::metrics::{Metrics, summarize};
use tars_engine::policy::{Activation, Dense, Head, Policy, Spaces};
use tars_engine::regression::{self, Candidate, Comparison, Thresholds, judge};
use tars_engine::rollout::{self, Plan};
use tars_engine::space::ActionSpace;
use tars_shared::artifact::Digest;
use tars_shared::baseline::{Baseline, NewBaseline};
use tars_shared::clock::{Clock as _, System};
use tars_shared::conformance::samples;
use tars_shared::dead_letter::{self, DeadLetter};
use tars_shared::job::{EnvironmentResult, Failure, FailureKind, Progress, Status};
use tars_shared::request::{FieldError, Hyperparameter, Priority};

use crate::{close, of_answers, validator};

fn written<T: JsonSchema + Serialize>(value: &T) -> Value {
    let json = serde_json::to_value(value).unwrap();
    let mut schema = of_answers::<T>();
    close(&mut schema);
    let errors: Vec<_> = validator(&schema)
        .iter_errors(&json)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{json} breaks its schema: {errors:?}");
    json
}

#[test]
fn the_catalogue_is_as_described_with_null_for_infinity() {
    let json = serde_json::to_value(catalogue::native()).unwrap();
    // Not closed: the type of a space stands beside the reference to its box.
    assert!(
        validator(&of_answers::<Vec<EnvironmentSpec>>()).is_valid(&json),
        "{json}"
    );
    assert_eq!(json[1]["observation_space"]["high"][1], Value::Null);
}

/// A policy that always takes the same action, good for some reward.
fn evaluate(id: &str, losses: &[f64]) -> EnvironmentResult {
    let spec = catalogue::find(id).unwrap();
    let (inputs, continuous) = (
        spec.observation_space.dimensions(),
        matches!(spec.action_space, ActionSpace::Box(_)),
    );
    let (outputs, head) = match &spec.action_space {
        ActionSpace::Discrete { n } => (*n, Head::Logits),
        ActionSpace::Box(space) => (space.dimensions(), Head::Squashed),
    };
    let layer = Dense {
        inputs,
        outputs,
        weight: vec![0.1; inputs * outputs],
        bias: vec![0.0; outputs],
    };
    let policy = Policy {
        layers: vec![layer],
        activation: Activation::Relu,
        head,
        normalizer: None,
        spaces: Spaces::default(),
    };
    let make = |lanes| Ok(environment::native(id, lanes).unwrap());
    let rollout = rollout::run(&make, &policy, &Plan::new(7, 4, true), &|_| {
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(rollout.action_counts.is_none(), continuous);
    let metrics = summarize(&rollout.episodes, rollout.action_counts.as_deref(), losses);
    EnvironmentResult {
        environment: id.to_owned(),
        policy: None,
        metrics,
        regression: None,
        baseline_id: None,
        episodes: rollout.episodes,
        stopped_early: false,
        reused_from: None,
    }
}

#[test]
fn results_of_rollouts_are_as_described() {
    for spec in catalogue::native() {
        written(&evaluate(&spec.id, &[]));
    }
    written(&evaluate("CartPole-v1", &[0.5, 0.25, 0.75]));
    let json = written(&evaluate("CartPole-v1", &[f64::MAX, f64::MIN, f64::MAX]));
    assert_eq!(
        json["metrics"]["loss_trend"],
        Value::Null,
        "what overflows is null, and may be"
    );
}

#[test]
fn comparisons_are_as_described_whatever_the_verdict() {
    let mut tests = BTreeSet::new();
    let mut verdicts = BTreeSet::new();
    let losses = [0.5, 0.25, 0.75, 1.0];
    let candidate = evaluate("CartPole-v1", &losses);
    let constant = regression::Baseline {
        mean_reward: 500.0,
        std_reward: 0.0,
        success_rate: Some(1.0),
        n: 9,
        returns: None,
    };
    let of_itself = regression::Baseline::of(&candidate.metrics, &candidate.episodes);
    for baseline in [
        constant.clone(),
        of_itself.clone(),
        regression::Baseline {
            returns: None,
            ..of_itself
        },
        regression::Baseline {
            std_reward: 20.0,
            n: 100,
            ..constant.clone()
        },
        regression::Baseline {
            std_reward: 3.0,
            n: 100,
            mean_reward: 1.0,
            ..constant.clone()
        },
        regression::Baseline {
            n: 1,
            ..constant.clone()
        },
        regression::Baseline {
            mean_reward: f64::NAN,
            ..constant
        },
    ] {
        let candidate = Candidate {
            environment: &candidate.environment,
            episodes: &candidate.episodes,
            metrics: &candidate.metrics,
            baseline: &baseline,
            losses: &losses,
            stopping: None,
        };
        for regression in judge(&[candidate], &Thresholds::default()) {
            verdicts.insert(regression.verdict.as_str());
            tests.insert(written(&regression)["comparison"]["test"].to_string());
        }
    }
    assert!(
        tests.len() >= 4 && verdicts.len() == 3,
        "{tests:?} {verdicts:?}"
    );
}

#[test]
fn baselines_are_as_described_with_their_returns_and_without() {
    let clock = System;
    let baseline = |content| Baseline {
        id: clock.new_id(),
        version: 1,
        rank: 1,
        created_at: clock.now(),
        content,
    };
    let promoted = NewBaseline {
        hyperparameters: [
            ("lr", Hyperparameter::Number(1.into())),
            ("note", Hyperparameter::Text("x".to_owned())),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into(),
        source_job: Some(clock.new_id()),
        ..samples::baseline(100.0)
    };
    written(&baseline(promoted));
    let mut added = samples::baseline(100.0);
    added.statistics.returns = None;
    assert_eq!(written(&baseline(added)).get("returns"), None);
}

#[test]
fn what_is_said_of_a_job_is_as_described() {
    let clock = System;
    let letter = |job_id, kind| DeadLetter {
        id: clock.new_id(),
        job_id,
        at: clock.now(),
        kind,
        reason: "a reason".to_owned(),
        state: dead_letter::State::Replayed,
        fingerprint: Some("0123456789abcdef".to_owned()),
        replays: 1,
        state_since: Some(clock.now()),
        replayed_as: Some(clock.new_id()),
        note: None,
        request: None,
        body: Some(vec![1]),
    };
    written(&letter(None, FailureKind::UnreadableMessage));
    for kind in FailureKind::ALL {
        assert_eq!(written(&kind), json!(kind.as_str()));
        written(&letter(Some(clock.new_id()), kind));
        written(&Failure {
            attempt: 1,
            at: clock.now(),
            kind,
            reason: String::new(),
            worker: Some("a worker".to_owned()),
        });
    }
    for status in Status::ALL {
        assert_eq!(written(&status), json!(status.as_str()));
    }
    for priority in Priority::ALL {
        assert_eq!(written(&priority), json!(priority.as_str()));
    }
    written(&Progress {
        episodes_done: 1,
        episodes_total: 2,
    });
    written(&FieldError::new("environments[0]", "is not known"));
    written(&Digest::of(b"abc"));
}

#[test]
fn what_is_written_is_always_there() {
    let required = |schema: Value| schema["required"].as_array().map_or(0, Vec::len);
    assert_eq!(required(of_answers::<EnvironmentResult>()), 5);
    assert_eq!(required(of_answers::<Baseline>()), 12);
    assert_eq!(required(of_answers::<DeadLetter>()), 12);
    assert_eq!(required(of_answers::<Metrics>()), 13);
    assert_eq!(required(of_answers::<Comparison>()), 11);
}
