//! The entries of `golden/saves/saves.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use tars_engine::policy::{Activation, DifferingObservations};
use tars_engine::policy_file::{self, Algorithm, Error, Given, PolicyFile};

/// What a library computed from a file.
#[derive(Deserialize)]
pub(crate) struct Golden {
    pub(crate) algorithm: Option<Algorithm>,
    #[serde(default)]
    pub(crate) env: String,
    #[serde(default)]
    pub(crate) options: Options,
    vec_normalize: Option<String>,
    /// Whether it is refused without its options, or altogether if it has none.
    #[serde(default)]
    pub(crate) refused: bool,
    /// Why, in a word.
    pub(crate) because: Option<String>,
    #[serde(default)]
    pub(crate) observations: Vec<Vec<f32>>,
    pub(crate) outputs: Option<Vec<Vec<f32>>>,
    #[serde(default)]
    pub(crate) actions: Chosen,
    #[serde(default)]
    pub(crate) episodes: Vec<(f64, u32)>,
    pub(crate) sampling: Option<Sampling>,
}

/// What has to be said beside the file.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "they are the options' flags")]
pub(crate) struct Options {
    activation: Option<Activation>,
    trust_architecture: bool,
    rescale_actions: bool,
    rescale_observations: bool,
    raw_observations: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Chosen {
    Indices(Vec<u32>),
    Vectors(Vec<Vec<f32>>),
}

impl Default for Chosen {
    fn default() -> Self {
        Self::Indices(Vec::new())
    }
}

/// The Gaussian that the library would sample from.
#[derive(Deserialize)]
pub(crate) struct Sampling {
    pub(crate) mean: Vec<Vec<f32>>,
    pub(crate) std: Vec<Vec<f32>>,
}

pub(crate) fn bytes(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/saves");
    fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every policy file of the folder; entries of other kinds stand under `baselines`.
pub(crate) fn load() -> BTreeMap<String, Golden> {
    let mut all: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&bytes("saves.json")).expect("it is JSON");
    all.remove("baselines");
    let read = |(name, entry): (String, serde_json::Value)| {
        let golden = serde_json::from_value(entry);
        let golden = golden.unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, golden)
    };
    all.into_iter().map(read).collect()
}

impl Golden {
    /// What a person says beside the file, as far as they must.
    pub(crate) fn given(&self) -> Given {
        Given {
            algorithm: None,
            activation: self.options.activation,
            trust_architecture: self.options.trust_architecture,
            rescale_actions: self.options.rescale_actions,
            differing_observations: if self.options.raw_observations {
                DifferingObservations::Raw
            } else if self.options.rescale_observations {
                DifferingObservations::Rescale
            } else {
                DifferingObservations::Refuse
            },
        }
    }

    /// Whether something right can be computed from the file.
    pub(crate) fn is_readable(&self) -> bool {
        !self.refused || self.given() != Given::default()
    }

    /// Reads the file with its options.
    pub(crate) fn read(&self, name: &str) -> Result<PolicyFile, Error> {
        self.read_given(name, self.given())
    }

    /// Reads the file with other options.
    pub(crate) fn read_given(&self, name: &str, given: Given) -> Result<PolicyFile, Error> {
        let content = bytes(name);
        let file = policy_file::read(policy_file::detect(&content)?, &given, &content)?;
        let Some(statistics) = &self.vec_normalize else {
            return Ok(file);
        };
        match policy_file::read_vec_normalize(&bytes(statistics))? {
            Some(normalizer) => file.normalized_by(normalizer),
            None => Ok(file),
        }
    }
}
