//! Reads the episodes that Gymnasium recorded (`engine/golden/trajectories.py`) as the JSON that
//! Python would print.

use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use serde_json::{Value, json};

/// One recorded episode.
pub(crate) struct Episode {
    pub(crate) seed: u64,
    /// The observation after the reset.
    pub(crate) first: Value,
    pub(crate) actions: Vec<Value>,
    /// What each action gave.
    pub(crate) steps: Vec<Value>,
}

/// All recorded episodes of one environment.
pub(crate) fn read(environment: &str) -> Vec<Episode> {
    let path = format!("../engine/golden/{environment}.safetensors");
    let bytes =
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("it is recorded");
    let tensors = SafeTensors::deserialize(&bytes).expect("the recording is a safetensors file");
    let tensor = |name| {
        tensors
            .tensor(name)
            .expect("the recording has every tensor")
    };

    let features = tensor("observations").shape()[1];
    let observations = elements(tensor("observations").data(), f32::from_le_bytes);
    let mut observations = observations.chunks_exact(features).map(|row| {
        let row: Vec<f64> = row.iter().copied().map(f64::from).collect();
        json!(row)
    });
    let actions: Vec<Value> = match tensor("actions").dtype() {
        Dtype::U8 => tensor("actions")
            .data()
            .iter()
            .map(|&index| json!(index))
            .collect(),
        _ => elements(tensor("actions").data(), f32::from_le_bytes)
            .into_iter()
            .map(|number| json!(f64::from(number)))
            .collect(),
    };
    let rewards = elements(tensor("rewards").data(), f64::from_le_bytes);
    let (terminated, truncated) = (tensor("terminated"), tensor("truncated"));

    let seeds = elements(tensor("seeds").data(), u64::from_le_bytes);
    let lengths = elements(tensor("lengths").data(), u32::from_le_bytes);
    let mut next = 0;
    let mut observe = || observations.next().expect("each step has its observation");
    let mut episode = |(seed, length)| {
        let steps = next..next + length as usize;
        next = steps.end;
        let first = json!({ "obs": observe() });
        let step = |step: usize| {
            json!({
                "obs": observe(),
                "reward": rewards[step],
                "terminated": terminated.data()[step] == 1,
                "truncated": truncated.data()[step] == 1,
            })
        };
        Episode {
            seed,
            first,
            actions: actions[steps.clone()].to_vec(),
            steps: steps.map(step).collect(),
        }
    };
    seeds.into_iter().zip(lengths).map(&mut episode).collect()
}

fn elements<T, const SIZE: usize>(bytes: &[u8], decode: impl Fn([u8; SIZE]) -> T) -> Vec<T> {
    let (elements, rest) = bytes.as_chunks();
    assert!(rest.is_empty());
    elements.iter().map(|&element| decode(element)).collect()
}
