//! A policy that does not fit an environment is refused with what both sides say.

use tars_engine::catalogue;
use tars_engine::policy::{Head, Misfit, Noise, Normalizer, Policy};
use tars_engine::rollout::{Error, Plan};

use super::{gaussian, random_policy, run};

#[test]
fn misfits_name_both_sides() {
    let cases = [
        (
            "CartPole-v1",
            random_policy(&[6, 3], Head::Logits),
            "the policy takes observations of 6 values, CartPole-v1 gives 4",
        ),
        (
            "CartPole-v1",
            random_policy(&[4, 3], Head::Logits),
            "the policy chooses among 3 actions, CartPole-v1 has 2",
        ),
        (
            "Pendulum-v1",
            random_policy(&[3, 2], Head::Squashed),
            "the policy gives actions of 2 values, Pendulum-v1 takes 1",
        ),
        (
            "Pendulum-v1",
            random_policy(&[3, 2], Head::Logits),
            "the policy chooses among 2 actions, Pendulum-v1 takes a vector of 1 values",
        ),
        (
            "Acrobot-v1",
            random_policy(&[6, 1], gaussian()),
            "the policy gives a vector of 1 values, Acrobot-v1 takes one of 3 actions",
        ),
        (
            "CartPole-v1",
            Policy {
                normalizer: Some(Normalizer {
                    mean: vec![0.0; 3],
                    var: vec![1.0; 3],
                    epsilon: 1e-8,
                    clip: 10.0,
                }),
                ..random_policy(&[4, 2], Head::Logits)
            },
            "the normalizer has 3 means and 3 variances, CartPole-v1 gives \
             observations of 4 values",
        ),
        (
            "CartPole-v1",
            Policy {
                layers: [
                    random_policy(&[4, 8], Head::Logits),
                    random_policy(&[9, 2], Head::Logits),
                ]
                .into_iter()
                .flat_map(|policy| policy.layers)
                .collect(),
                ..random_policy(&[4, 2], Head::Logits)
            },
            "layer 1 gives 8 values, layer 2 takes 9",
        ),
        (
            "CartPole-v1",
            Policy {
                layers: vec![],
                ..random_policy(&[4, 2], Head::Logits)
            },
            "the policy has no layers",
        ),
    ];
    for (id, policy, message) in cases {
        let misfit = policy.fit(catalogue::find(id).unwrap()).unwrap_err();
        assert_eq!(misfit.to_string(), message);
        let error = run(id, &policy, &Plan::new(0, 1, true)).unwrap_err();
        assert_eq!(
            error.to_string(),
            message,
            "a rollout refuses what does not fit"
        );
    }
}

#[test]
fn broken_layers_and_normalizers_are_refused() {
    let cart_pole = catalogue::find("CartPole-v1").unwrap();
    let mut policy = random_policy(&[4, 2], Head::Logits);
    policy.layers[0].weight.pop();
    assert_eq!(
        policy.fit(cart_pole).unwrap_err().to_string(),
        "layer 1 has 7 weights and 2 biases, which is not 2 outputs of 4 inputs"
    );
    let mut policy = random_policy(&[4, 2], Head::Logits);
    policy.normalizer = Some(Normalizer {
        mean: vec![0.0; 4],
        var: vec![0.0; 4],
        epsilon: 0.0,
        clip: 10.0,
    });
    assert_eq!(policy.fit(cart_pole), Err(Misfit::NormalizerRange));
}

#[test]
fn actions_without_a_known_deviation_cannot_be_sampled() {
    let policy = random_policy(
        &[3, 1],
        Head::Gaussian {
            noise: Noise::Unknown,
        },
    );
    assert!(run("Pendulum-v1", &policy, &Plan::new(0, 1, true)).is_ok());
    let error = run("Pendulum-v1", &policy, &Plan::new(0, 1, false)).unwrap_err();
    assert!(matches!(error, Error::Misfit(Misfit::NotSampleable)));
}
