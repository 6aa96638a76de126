//! Recognises a policy by the names and shapes of its tensors, as Stable-Baselines3 gives them.

mod names;

use std::collections::BTreeMap;

use names::{Family, Part, Place};

use super::error::quote;
use super::limits::{MAX_LAYERS, MAX_PARAMETERS, MAX_WIDTH};
use super::{Algorithm, Error, PolicyFile, network};
use crate::policy::{Activation, Dense, Head, Policy};

/// Where tensors come from. Their values are read only when they are needed.
pub(super) trait TensorSource {
    /// Every tensor's name and shape.
    fn tensors(&self) -> impl Iterator<Item = (&str, &[usize])>;

    /// The values of a tensor of [`TensorSource::tensors`], row by row.
    fn values(&mut self, name: &str) -> Result<Vec<f32>, Error>;
}

/// What a file says about its policy beside the tensors.
#[derive(Debug, Default)]
pub(super) struct Hints {
    /// The activation between the layers; the algorithm's default where the file is silent.
    pub(super) activation: Option<Activation>,
    /// ε of a Q-network's exploration.
    pub(super) exploration_rate: Option<f64>,
}

/// The policy that these tensors are.
pub(super) fn recognise(
    source: &mut impl TensorSource,
    hints: &Hints,
) -> Result<PolicyFile, Error> {
    let found = sort(source)?;
    let layers = read_layers(source, &found)?;
    network::validate(&layers)?;
    let (algorithm, default_activation, head) = match found.family {
        Family::Values => {
            let exploration_rate = network::probability(hints.exploration_rate.unwrap_or(0.0))?;
            (
                Some(Algorithm::Dqn),
                Activation::Relu,
                Head::Values { exploration_rate },
            )
        }
        Family::Actor => (Some(Algorithm::Ddpg), Activation::Relu, Head::Squashed),
        Family::ActorCritic => (
            None,
            Activation::Tanh,
            actor_critic_head(source, &found, &layers)?,
        ),
    };
    Ok(PolicyFile {
        policy: Policy {
            layers,
            activation: hints.activation.unwrap_or(default_activation),
            head,
            normalizer: None,
        },
        algorithm,
    })
}

/// One tensor of the policy.
struct Tensor {
    name: String,
    shape: Vec<usize>,
}

/// The tensors of the policy, in order.
struct Found {
    family: Family,
    /// Per layer its weight and bias.
    layers: BTreeMap<Place, BTreeMap<Part, Tensor>>,
    log_std: Option<Tensor>,
}

fn sort(source: &impl TensorSource) -> Result<Found, Error> {
    let mut families = Vec::new();
    let mut layers: BTreeMap<Place, BTreeMap<Part, Tensor>> = BTreeMap::new();
    let mut log_std = None;
    for (name, shape) in source.tensors() {
        let tensor = || Tensor {
            name: name.to_owned(),
            shape: shape.to_vec(),
        };
        let family = match names::classify(name)? {
            names::Role::Ignored => continue,
            names::Role::LogStd => {
                log_std = Some(tensor());
                Family::ActorCritic
            }
            names::Role::Layer(family, place, part) => {
                layers.entry(place).or_default().insert(part, tensor());
                family
            }
        };
        if !families.contains(&family) {
            families.push(family);
        }
    }
    match families[..] {
        [family] => Ok(Found {
            family,
            layers,
            log_std,
        }),
        [] => Err(Error::Network(
            "there are no policy tensors in it".to_owned(),
        )),
        _ => Err(Error::Network(
            "it holds the tensors of more than one algorithm".to_owned(),
        )),
    }
}

fn read_layers(source: &mut impl TensorSource, found: &Found) -> Result<Vec<Dense>, Error> {
    if found.layers.len() > MAX_LAYERS {
        return Err(Error::TooLarge {
            what: "the network".to_owned(),
            limit: MAX_LAYERS as u64,
            unit: "layers",
        });
    }
    if found.family == Family::ActorCritic && !found.layers.contains_key(&Place::Output) {
        return Err(Error::Network(
            "the tensor action_net.weight is missing".to_owned(),
        ));
    }
    let mut parameters = 0;
    let mut layers = Vec::with_capacity(found.layers.len());
    for (position, (place, parts)) in found.layers.iter().enumerate() {
        // An activation has no tensors, but it takes a number: layers stand at 0, 2, 4, …
        if let Place::Hidden(number) = *place
            && number != 2 * position
        {
            return Err(Error::Unsupported {
                found: format!(
                    "dense layer {position} has the number {number} instead of {}",
                    2 * position
                ),
                advice: "only dense layers with one activation between them can be evaluated",
            });
        }
        let (weight, bias) = parts_of(parts)?;
        let (outputs, inputs) = dense_shape(weight, bias)?;
        parameters += outputs * inputs + outputs;
        if parameters > MAX_PARAMETERS {
            return Err(Error::TooLarge {
                what: "the network".to_owned(),
                limit: MAX_PARAMETERS as u64,
                unit: "weights and biases",
            });
        }
        layers.push(Dense {
            inputs,
            outputs,
            weight: source.values(&weight.name)?,
            bias: source.values(&bias.name)?,
        });
    }
    Ok(layers)
}

fn parts_of(parts: &BTreeMap<Part, Tensor>) -> Result<(&Tensor, &Tensor), Error> {
    match (parts.get(&Part::Weight), parts.get(&Part::Bias)) {
        (Some(weight), Some(bias)) => Ok((weight, bias)),
        (Some(other), None) | (None, Some(other)) => Err(Error::Tensor {
            name: quote(&other.name),
            reason: "has no weight or bias beside it: only dense layers with both can be evaluated"
                .to_owned(),
        }),
        (None, None) => Err(Error::Network("a layer has no tensors".to_owned())),
    }
}

/// `(outputs, inputs)` of a layer.
fn dense_shape(weight: &Tensor, bias: &Tensor) -> Result<(usize, usize), Error> {
    let &[outputs, inputs] = &weight.shape[..] else {
        return Err(Error::Tensor {
            name: quote(&weight.name),
            reason: format!(
                "has the shape {:?}, which is no dense layer's [outputs, inputs]",
                weight.shape
            ),
        });
    };
    if bias.shape != [outputs] {
        return Err(Error::Tensor {
            name: quote(&bias.name),
            reason: format!(
                "has the shape {:?}, but its weight has {:?}",
                bias.shape, weight.shape
            ),
        });
    }
    for width in [outputs, inputs] {
        if !(1..=MAX_WIDTH).contains(&width) {
            return Err(Error::Tensor {
                name: quote(&weight.name),
                reason: format!(
                    "has the shape {:?}; widths from 1 to {MAX_WIDTH} are accepted",
                    weight.shape
                ),
            });
        }
    }
    Ok((outputs, inputs))
}

/// Logits without a `log_std`, else a Gaussian. State-dependent exploration (gSDE) has a matrix in
/// its place, which needs the noise of training to be sampled; the mean is the same.
fn actor_critic_head(
    source: &mut impl TensorSource,
    found: &Found,
    layers: &[Dense],
) -> Result<Head, Error> {
    let Some(log_std) = &found.log_std else {
        return Ok(Head::Logits);
    };
    let actions = layers.last().map_or(0, |layer| layer.outputs);
    match log_std.shape[..] {
        [length] if length == actions => {
            let values = source.values(&log_std.name)?;
            network::finite("log_std", &values)?;
            Ok(Head::Gaussian {
                log_std: Some(values),
            })
        }
        [_, _] => Ok(Head::Gaussian { log_std: None }),
        _ => Err(Error::Tensor {
            name: "log_std".to_owned(),
            reason: format!(
                "has the shape {:?}, but there are {actions} actions",
                log_std.shape
            ),
        }),
    }
}
