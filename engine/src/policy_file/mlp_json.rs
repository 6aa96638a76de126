//! `mlp-json`: a policy that any language can write without a library. `mlp_json.md` describes it.

mod matrix;

use serde::Deserialize;

use super::activation_source::ActivationSource;
use super::algorithm::Algorithm;
use super::contents::PolicyFile;
use super::error::Error;
use super::given::Given;
use super::{network, vec_normalize};
use crate::policy::{Activation, Dense, Head, Noise, Normalizer, Policy, Spaces};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    head: HeadName,
    activation: Activation,
    layers: Vec<Layer>,
    algorithm: Option<Algorithm>,
    log_std: Option<Vec<f32>>,
    exploration_rate: Option<f64>,
    normalizer: Option<Statistics>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum HeadName {
    Values,
    Logits,
    Gaussian,
    Squashed,
}

impl HeadName {
    /// The algorithms that train policies with such a head.
    fn algorithms(self) -> &'static [Algorithm] {
        match self {
            Self::Values => &[Algorithm::Dqn, Algorithm::QrDqn],
            Self::Logits | Self::Gaussian => &[
                Algorithm::A2c,
                Algorithm::Ppo,
                Algorithm::Trpo,
                Algorithm::MaskablePpo,
            ],
            Self::Squashed => &[Algorithm::Ddpg, Algorithm::Td3],
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Layer {
    weight: matrix::Matrix,
    bias: Vec<f32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Statistics {
    mean: Vec<f64>,
    var: Vec<f64>,
    epsilon: f64,
    clip: f64,
}

/// Reads a whole document.
pub(super) fn read(bytes: &[u8], given: Given) -> Result<PolicyFile, Error> {
    let document: Document = serde_json::from_slice(bytes).map_err(|error| Error::Json {
        file: "the mlp-json document",
        reason: error.to_string(),
    })?;
    if document.version != 1 {
        return Err(Error::Json {
            file: "the mlp-json document",
            reason: format!("its version is {}, but only 1 is known", document.version),
        });
    }
    let activation = document.activation;
    if let Some(given) = given.activation.filter(|given| *given != activation) {
        return Err(Error::ActivationMismatch {
            said: activation,
            given,
        });
    }
    let head = head(&document)?;
    let algorithms = document.head.algorithms();
    let layers: Vec<Dense> = document.layers.into_iter().map(Layer::into_dense).collect();
    network::validate(&layers)?;
    if let Head::Gaussian {
        noise: Noise::Constant { log_std },
    } = &head
    {
        network::finite("log_std", log_std)?;
        let actions = layers.last().map_or(0, |layer| layer.outputs);
        if log_std.len() != actions {
            return Err(Error::Network(format!(
                "log_std has {} values, but there are {actions} actions",
                log_std.len()
            )));
        }
    }
    let file = PolicyFile {
        policy: Policy {
            layers,
            activation,
            head,
            normalizer: None,
            spaces: given.spaces(Spaces::default()),
        },
        algorithm: None,
        activation_source: ActivationSource::File,
        place: None,
    };
    let file = file.confirmed_as(document.algorithm, algorithms)?;
    let known = file.algorithm;
    let algorithms = known.as_ref().map_or(algorithms, std::slice::from_ref);
    let file = file.confirmed_as(given.algorithm, algorithms)?;
    match document.normalizer {
        Some(statistics) => file.normalized_by(statistics.into_normalizer()?),
        None => Ok(file),
    }
}

fn head(document: &Document) -> Result<Head, Error> {
    let misplaced = |field: &str, head: &str| Error::Json {
        file: "the mlp-json document",
        reason: format!("{field} belongs to the head {head} only"),
    };
    if document.log_std.is_some() && document.head != HeadName::Gaussian {
        return Err(misplaced("log_std", "gaussian"));
    }
    if document.exploration_rate.is_some() && document.head != HeadName::Values {
        return Err(misplaced("exploration_rate", "values"));
    }
    Ok(match document.head {
        HeadName::Values => Head::Values {
            exploration_rate: network::probability(document.exploration_rate.unwrap_or(0.0))?,
        },
        HeadName::Logits => Head::Logits,
        HeadName::Gaussian => Head::Gaussian {
            noise: match &document.log_std {
                Some(log_std) => Noise::Constant {
                    log_std: log_std.clone(),
                },
                None => Noise::Unknown,
            },
        },
        HeadName::Squashed => Head::Squashed,
    })
}

impl Layer {
    fn into_dense(self) -> Dense {
        Dense {
            inputs: self.weight.columns,
            outputs: self.weight.rows,
            weight: self.weight.values,
            bias: self.bias,
        }
    }
}

impl Statistics {
    fn into_normalizer(self) -> Result<Normalizer, Error> {
        vec_normalize::validated(Normalizer {
            mean: self.mean,
            var: self.var,
            epsilon: self.epsilon,
            clip: self.clip,
        })
    }
}
