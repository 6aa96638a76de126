//! What must hold for every policy that a reader accepts, whatever bytes it came from.

use tars_engine::policy::{Activation, Dense, Head, Noise, Normalizer};
use tars_engine::policy_file::{Given, PolicyFile};

/// Panics unless the network can be evaluated: its layers chain and all its numbers are finite.
pub fn assert_usable(file: &PolicyFile) {
    let layers = &file.policy.layers;
    assert!(!layers.is_empty());
    for layer in layers {
        assert!(layer.inputs > 0 && layer.outputs > 0);
        assert_eq!(layer.weight.len(), layer.inputs * layer.outputs);
        assert_eq!(layer.bias.len(), layer.outputs);
        assert_finite(layer);
    }
    for pair in layers.windows(2) {
        assert_eq!(pair[0].outputs, pair[1].inputs);
    }
    let last = &layers[layers.len() - 1];
    match &file.policy.head {
        Head::Gaussian { noise } | Head::SquashedGaussian { noise, .. } => match noise {
            Noise::Unknown => {}
            Noise::Constant { log_std } => {
                assert!(log_std.iter().all(|value| value.is_finite()));
            }
            Noise::Layer(layer) => {
                assert_eq!((layer.inputs, layer.outputs), (last.inputs, last.outputs));
                assert_finite(layer);
            }
            Noise::StateDependent { std } => {
                assert_eq!(std.len(), last.inputs * last.outputs);
                assert!(std.iter().all(|value| value.is_finite()));
            }
        },
        Head::Values { exploration_rate } => assert!((0.0..=1.0).contains(exploration_rate)),
        Head::Logits | Head::Scores | Head::Squashed | Head::Action => {}
    }
    if let Some(normalizer) = &file.policy.normalizer {
        assert_eq!(normalizer.mean.len(), layers[0].inputs);
        assert_normalizes(normalizer);
    }
}

/// Everything that a file might ask for, so that reading goes on.
pub fn given() -> Given {
    Given { activation: Some(Activation::Tanh), trust_architecture: true, ..Given::default() }
}

fn assert_finite(layer: &Dense) {
    assert!(layer.weight.iter().chain(&layer.bias).all(|value| value.is_finite()));
}

/// Panics unless every observation gets a number.
pub fn assert_normalizes(normalizer: &Normalizer) {
    assert_eq!(normalizer.mean.len(), normalizer.var.len());
    assert!(normalizer.clip > 0.0);
    for (mean, var) in normalizer.mean.iter().zip(&normalizer.var) {
        let scale = (var + normalizer.epsilon).sqrt();
        assert!(mean.is_finite() && scale.is_finite() && scale > 0.0);
    }
}
