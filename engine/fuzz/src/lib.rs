//! What must hold for every policy that a reader accepts, whatever bytes it came from.

use tars_engine::policy::{Head, Normalizer};
use tars_engine::policy_file::PolicyFile;

/// Panics unless the network can be evaluated: its layers chain and all its numbers are finite.
pub fn assert_usable(file: &PolicyFile) {
    let layers = &file.policy.layers;
    assert!(!layers.is_empty());
    for layer in layers {
        assert!(layer.inputs > 0 && layer.outputs > 0);
        assert_eq!(layer.weight.len(), layer.inputs * layer.outputs);
        assert_eq!(layer.bias.len(), layer.outputs);
        assert!(layer.weight.iter().chain(&layer.bias).all(|value| value.is_finite()));
    }
    for pair in layers.windows(2) {
        assert_eq!(pair[0].outputs, pair[1].inputs);
    }
    match &file.policy.head {
        Head::Gaussian { log_std: Some(log_std) } => {
            assert_eq!(Some(log_std.len()), layers.last().map(|layer| layer.outputs));
            assert!(log_std.iter().all(|value| value.is_finite()));
        }
        Head::Values { exploration_rate } => assert!((0.0..=1.0).contains(exploration_rate)),
        Head::Gaussian { log_std: None } | Head::Logits | Head::Squashed => {}
    }
    if let Some(normalizer) = &file.policy.normalizer {
        assert_eq!(normalizer.mean.len(), layers[0].inputs);
        assert_normalizes(normalizer);
    }
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
