//! Activation functions give what torch's give. The golden values come from
//! `golden/activations.py`.

use safetensors::SafeTensors;
use tars_engine::catalogue::{EnvironmentSpec, SuccessRule};
use tars_engine::lanes::LaneMatrix;
use tars_engine::policy::{Activation, Actor, Dense, Head, Policy, Spaces};
use tars_engine::space::{ActionSpace, BoxSpace};

struct Golden(Vec<u8>);

impl Golden {
    fn read() -> Self {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/golden/activations.safetensors"
        );
        Self(std::fs::read(path).expect("the file is in the repository"))
    }

    fn bytes<const N: usize>(&self, name: &str) -> Vec<[u8; N]> {
        let tensors = SafeTensors::deserialize(&self.0).expect("it is a safetensors file");
        let tensor = tensors.tensor(name).expect("the tensor is recorded");
        tensor.data().as_chunks().0.to_vec()
    }

    fn f32s(&self, name: &str) -> Vec<f32> {
        let values = self.bytes(name).into_iter();
        values.map(f32::from_le_bytes).collect()
    }

    fn f64s(&self, name: &str) -> Vec<f64> {
        let values = self.bytes(name).into_iter();
        values.map(f64::from_le_bytes).collect()
    }
}

/// The function alone: a network of two layers that are the identity.
fn apply(activation: Activation, values: &[f32]) -> Vec<f32> {
    let identity = Dense {
        inputs: 1,
        outputs: 1,
        weight: vec![1.0],
        bias: vec![0.0],
    };
    let policy = Policy {
        layers: vec![identity.clone(), identity],
        activation,
        head: Head::Logits,
        normalizer: None,
        spaces: Spaces::default(),
    };
    let environment = EnvironmentSpec {
        id: "Fixture-v0".into(),
        version: 0,
        observation_space: BoxSpace {
            low: vec![f32::NEG_INFINITY],
            high: vec![f32::INFINITY],
        },
        action_space: ActionSpace::Discrete { n: 1 },
        max_episode_steps: 1,
        success: SuccessRule::GoalReached,
        reward_threshold: None,
    };
    let mut actor = Actor::new(&policy, &environment, values.len(), true).expect("it fits");
    let mut observations = LaneMatrix::zeros(1, values.len());
    observations.row_mut(0)[..values.len()].copy_from_slice(values);
    // NaN among the outputs is an error to the actor; they can be looked at all the same.
    let _ = actor.act(values.len(), &observations);
    actor.outputs().row(0)[..values.len()].to_vec()
}

#[test]
fn outputs_are_torchs() {
    let golden = Golden::read();
    let inputs = golden.f32s("x");
    assert!(inputs.len() > 1000);
    for activation in Activation::ALL {
        // Nothing but single operations, in torch's order.
        let exact = matches!(
            activation,
            Activation::Relu
                | Activation::LeakyRelu
                | Activation::Identity
                | Activation::Hardtanh
                | Activation::Relu6
                | Activation::Softsign
                | Activation::Hardswish
                | Activation::Hardsigmoid
        );
        // Both round. GELU is where torch lets digits cancel.
        let tolerance = match activation {
            Activation::Gelu => 3.5e-7,
            _ if exact => 0.0,
            _ => 2.4e-7,
        };
        let expected = golden.f32s(activation.class_name());
        for ((x, y), expected) in inputs.iter().zip(apply(activation, &inputs)).zip(expected) {
            let close = if expected.is_finite() {
                (y - expected).abs() <= tolerance * expected.abs().max(1.0)
            } else {
                // NaN has many forms, but one name.
                y.to_string() == expected.to_string()
            };
            assert!(close, "{activation}({x}) = {y} instead of {expected}");
        }
    }
}

#[test]
fn outputs_are_at_most_twice_as_far_from_the_true_values_as_torchs() {
    let golden = Golden::read();
    let inputs = golden.f32s("x");
    for activation in Activation::ALL {
        let class = activation.class_name();
        let exact = golden.f64s(&format!("{class}.true"));
        let worst = |outputs: Vec<f32>| {
            let errors = outputs.into_iter().zip(&exact);
            errors
                .filter(|(_, exact)| exact.is_finite())
                .map(|(y, exact)| (f64::from(y) - exact).abs() / exact.abs().max(1.0))
                .fold(0.0, f64::max)
        };
        let (ours, torchs) = (worst(apply(activation, &inputs)), worst(golden.f32s(class)));
        // Torch rounds tanh better than half of this; this is our promise for it.
        assert!(
            ours <= (2.0 * torchs).max(1e-7),
            "{activation} is {ours:e} off, torch's {torchs:e}"
        );
    }
}
