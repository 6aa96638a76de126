//! `mlp-json`: a policy that any language can write without a library. `mlp_json.md` describes it.

mod matrix;

use serde::Deserialize;

use super::{Algorithm, Error, PolicyFile, network, vec_normalize};
use crate::policy::{Activation, Dense, Head, Normalizer, Policy};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    head: HeadName,
    activation: ActivationName,
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

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ActivationName {
    Tanh,
    Relu,
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
pub(super) fn read(bytes: &[u8]) -> Result<PolicyFile, Error> {
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
    let head = head(&document)?;
    let layers: Vec<Dense> = document.layers.into_iter().map(Layer::into_dense).collect();
    network::validate(&layers)?;
    if let Head::Gaussian {
        log_std: Some(values),
    } = &head
    {
        network::finite("log_std", values)?;
        let actions = layers.last().map_or(0, |layer| layer.outputs);
        if values.len() != actions {
            return Err(Error::Network(format!(
                "log_std has {} values, but there are {actions} actions",
                values.len()
            )));
        }
    }
    let recognised = PolicyFile {
        policy: Policy {
            layers,
            activation: match document.activation {
                ActivationName::Tanh => Activation::Tanh,
                ActivationName::Relu => Activation::Relu,
            },
            head,
            normalizer: None,
        },
        algorithm: match document.head {
            HeadName::Values => Some(Algorithm::Dqn),
            HeadName::Squashed => Some(Algorithm::Ddpg),
            HeadName::Logits | HeadName::Gaussian => None,
        },
    };
    let recognised = recognised.confirmed_as(document.algorithm)?;
    match document.normalizer {
        Some(statistics) => recognised.normalized_by(statistics.into_normalizer()?),
        None => Ok(recognised),
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
            log_std: document.log_std.clone(),
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
