//! mlp-json holds the same policies as the saves that it is written from.

use tars_engine::policy::{Head, Noise};
use tars_engine::policy_file::{self, Algorithm, Format, Given, PolicyFile};

use super::{Golden, bits, golden, read, tensors};

#[test]
fn mlp_json_gives_the_same_policy_as_the_zip() {
    for (name, golden) in golden() {
        let expected = read(&format!("{name}.zip"), Some(golden.algorithm)).unwrap();
        let document = as_mlp_json(&expected, &golden).to_string();
        let found =
            policy_file::read(Format::MlpJson, &Given::default(), document.as_bytes()).unwrap();
        let head = match &expected.policy.head {
            Head::Gaussian {
                noise: Noise::StateDependent { .. },
            } => &Head::Gaussian {
                noise: Noise::Unknown,
            },
            head => head,
        };
        assert_eq!(&found.policy.head, head, "{name}");
        assert_eq!(found.policy.activation.name(), golden.activation, "{name}");
        assert_eq!(found.algorithm, Some(golden.algorithm), "{name}");
        assert_eq!(
            bits(&tensors(&found.policy)),
            bits(&tensors(&expected.policy)),
            "{name}"
        );
    }
}

fn as_mlp_json(file: &PolicyFile, golden: &Golden) -> serde_json::Value {
    let layers = file.policy.layers.iter().map(|layer| {
        let rows: Vec<&[f32]> = layer.weight.chunks(layer.inputs).collect();
        serde_json::json!({"weight": rows, "bias": layer.bias})
    });
    let mut document = serde_json::json!({
        "version": 1,
        "algorithm": golden.algorithm,
        "head": golden.head,
        "activation": golden.activation,
        "layers": layers.collect::<Vec<_>>(),
    });
    match &file.policy.head {
        Head::Values { exploration_rate } => {
            document["exploration_rate"] = (*exploration_rate).into();
        }
        Head::Gaussian {
            noise: Noise::Constant { log_std },
        } => document["log_std"] = log_std.clone().into(),
        _ => {}
    }
    document
}

#[test]
fn the_documented_mlp_json_example_is_valid() {
    let documentation = include_str!("../../src/policy_file/mlp_json.md");
    let (_, example) = documentation.split_once("```json").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    assert_eq!(policy_file::detect(example.as_bytes()), Ok(Format::MlpJson));
    let file = policy_file::read(
        Format::MlpJson,
        &Some(Algorithm::Ppo).into(),
        example.as_bytes(),
    )
    .unwrap();
    assert_eq!(file.policy.head, Head::Logits);
    assert_eq!(
        file.policy.normalizer.map(|normalizer| normalizer.clip),
        Some(10.0)
    );
}
