//! Reads the trajectories that `golden/trajectories.py` recorded.

use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

/// The actions of all recorded steps.
pub(crate) enum RecordedActions {
    Discrete(Vec<u8>),
    Continuous(Vec<f32>),
}

/// All recorded episodes of one environment, strung together.
pub(crate) struct Golden {
    pub(crate) seeds: Vec<u64>,
    pub(crate) lengths: Vec<usize>,
    pub(crate) features: usize,
    pub(crate) actions: RecordedActions,
    pub(crate) rewards: Vec<f64>,
    pub(crate) terminated: Vec<bool>,
    pub(crate) truncated: Vec<bool>,
    pub(crate) reset_seeds: Vec<u64>,
    /// Row-major; each episode has one row more than it has steps.
    observations: Vec<f32>,
    reset_observations: Vec<f32>,
    /// The number of steps in all episodes before this one.
    offsets: Vec<usize>,
}

impl Golden {
    pub(crate) fn read(id: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("golden/{id}.safetensors"));
        let bytes =
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let tensors =
            SafeTensors::deserialize(&bytes).expect("the recording is a safetensors file");
        let tensor = |name| {
            tensors
                .tensor(name)
                .expect("the recording has every tensor")
        };

        let actions = tensor("actions");
        let lengths: Vec<usize> = numbers(&tensor("lengths"), Dtype::U32, u32::from_le_bytes)
            .into_iter()
            .map(|length| length as usize)
            .collect();
        let sum =
            |steps: &mut usize, &length: &usize| Some(std::mem::replace(steps, *steps + length));
        Self {
            seeds: numbers(&tensor("seeds"), Dtype::U64, u64::from_le_bytes),
            offsets: lengths.iter().scan(0, sum).collect(),
            lengths,
            features: tensor("observations").shape()[1],
            actions: match actions.dtype() {
                Dtype::U8 => RecordedActions::Discrete(actions.data().to_vec()),
                _ => RecordedActions::Continuous(numbers(&actions, Dtype::F32, f32::from_le_bytes)),
            },
            rewards: numbers(&tensor("rewards"), Dtype::F64, f64::from_le_bytes),
            terminated: flags(&tensor("terminated")),
            truncated: flags(&tensor("truncated")),
            reset_seeds: numbers(&tensor("reset_seeds"), Dtype::U64, u64::from_le_bytes),
            observations: numbers(&tensor("observations"), Dtype::F32, f32::from_le_bytes),
            reset_observations: numbers(
                &tensor("reset_observations"),
                Dtype::F32,
                f32::from_le_bytes,
            ),
        }
    }

    /// The index, among all recorded steps, of an episode's step; its first is 0.
    pub(crate) fn step(&self, episode: usize, step: usize) -> usize {
        self.offsets[episode] + step
    }

    /// The observation after so many steps of an episode.
    pub(crate) fn observation(&self, episode: usize, steps: usize) -> &[f32] {
        let row = self.offsets[episode] + episode + steps;
        &self.observations[row * self.features..][..self.features]
    }

    /// The observations that belong to `reset_seeds`.
    pub(crate) fn reset_observations(&self) -> impl Iterator<Item = &[f32]> {
        self.reset_observations.chunks_exact(self.features)
    }
}

fn numbers<T, const SIZE: usize>(
    tensor: &TensorView,
    dtype: Dtype,
    decode: impl Fn([u8; SIZE]) -> T,
) -> Vec<T> {
    assert_eq!(tensor.dtype(), dtype);
    let (numbers, rest) = tensor.data().as_chunks();
    assert!(rest.is_empty());
    numbers.iter().map(|&bytes| decode(bytes)).collect()
}

fn flags(tensor: &TensorView) -> Vec<bool> {
    numbers(tensor, Dtype::U8, |[flag]| flag == 1)
}
