//! Recognises a policy by the names and shapes of its tensors.

mod activation;
mod actor_critic;
mod clean_rl;
mod layers;
mod names;
mod normalization;
mod recognised;
mod soft_actor;
mod state_dependent;
mod tensors;

use self::layers::LayerReader;
use self::names::{Network, Vector};
use self::recognised::Recognised;
use self::tensors::Tensors;
use super::algorithm::Algorithm;
use super::contents::PolicyFile;
use super::declared::{Class, Declared};
use super::error::Error;
use super::given::Given;
use super::network;
use super::tensor_source::TensorSource;
use crate::policy::{Dense, Head, Policy};

/// The policy that these tensors are.
pub(super) fn recognise(
    source: &mut impl TensorSource,
    declared: &Declared,
    given: Given,
) -> Result<PolicyFile, Error> {
    expect_known_class(&declared.class, given)?;
    let tensors = Tensors::of(source)?;
    let mut reader = LayerReader::new(source, &tensors, declared.batch_norm_eps);
    let recognised = recognise_network(&mut reader, &tensors, declared)?;
    network::validate(&recognised.layers)?;
    let (activation, activation_source) = activation::decide(
        declared,
        given,
        recognised.algorithms,
        recognised.layers.len(),
    )?;
    let algorithms = match declared.algorithm {
        None => recognised.algorithms,
        Some(said) => recognised
            .algorithms
            .iter()
            .position(|&one| one == said)
            .map_or_else(
                || {
                    Err(Error::Network(format!(
                        "the file says {said}, but the tensors are those of {}",
                        Algorithm::names(recognised.algorithms)
                    )))
                },
                |index| Ok(&recognised.algorithms[index..=index]),
            )?,
    };
    let file = PolicyFile {
        policy: Policy {
            layers: recognised.layers,
            activation,
            head: recognised.head,
            normalizer: None,
            spaces: given.spaces(recognised.spaces.unwrap_or_else(|| declared.spaces.clone())),
        },
        algorithm: None,
        activation_source,
        place: None,
    };
    let file = file.confirmed_as(given.algorithm, algorithms)?;
    match &declared.normalizer {
        Some(normalizer) => file.normalized_by(normalizer.clone()),
        None => Ok(file),
    }
}

/// Whether the forward pass is known, or somebody says that it is the usual one.
fn expect_known_class(class: &Class, given: Given) -> Result<(), Error> {
    match class {
        Class::Foreign(name) if !given.trust_architecture => {
            Err(Error::ForeignClass { name: name.clone() })
        }
        Class::Undeclared if !given.trust_architecture && given.activation.is_none() => {
            Err(Error::Unsaid {
                what: "the file does not say of which class the policy is",
                advice: "if it is Stable-Baselines3's own, give --trust-architecture \
                         (agent_state.trust_architecture); model.save() keeps the class",
            })
        }
        _ => Ok(()),
    }
}

fn recognise_network<S: TensorSource>(
    reader: &mut LayerReader<'_, S>,
    tensors: &Tensors,
    declared: &Declared,
) -> Result<Recognised, Error> {
    use Network as N;
    let exploration_rate = || network::probability(declared.exploration_rate.unwrap_or(0.0));
    let unused = |allowed: &[Vector]| tensors.expect_no_vectors_but(allowed);
    match tensors.networks()[..] {
        [N::Values] => {
            unused(&[])?;
            let head = Head::Values {
                exploration_rate: exploration_rate()?,
            };
            let layers = reader.plain_sequence(N::Values)?;
            Ok(Recognised::new(layers, head, &[Algorithm::Dqn]))
        }
        [N::Quantiles] => {
            unused(&[])?;
            let mut layers = reader.plain_sequence(N::Quantiles)?;
            average_quantiles(&mut layers, declared.n_quantiles)?;
            let head = Head::Values {
                exploration_rate: exploration_rate()?,
            };
            Ok(Recognised::new(layers, head, &[Algorithm::QrDqn]))
        }
        [N::Action] if actor_critic::is_random_search(tensors) => {
            unused(&[])?;
            actor_critic::random_search(reader, declared)
        }
        [N::Shared, N::Policy, N::Action] | [N::Shared | N::Policy, N::Action] | [N::Action] => {
            unused(&[Vector::LogStd])?;
            actor_critic::read(reader, tensors, declared)
        }
        [N::Shared | N::Policy, ..] => Err(Error::Network(
            "the tensor action_net.weight is missing".to_owned(),
        )),
        [N::Mean] if tensors.vector(Vector::ActorLogStd).is_none() => {
            unused(&[])?;
            let layers = reader.plain_sequence(N::Mean)?;
            Ok(Recognised::new(
                layers,
                Head::Squashed,
                &[Algorithm::Ddpg, Algorithm::Td3],
            ))
        }
        [N::Latent, N::Mean]
        | [N::Mean]
        | [N::Latent, N::Mean, N::LogStd]
        | [N::Mean, N::LogStd] => {
            unused(&[Vector::ActorLogStd])?;
            soft_actor::read(reader, tensors, declared)
        }
        [] => Err(Error::Network(
            "there are no policy tensors in it".to_owned(),
        )),
        ref networks if clean_rl::is_known(networks) => clean_rl::read(reader, tensors),
        _ => Err(Error::Network(
            "it holds the tensors of more than one algorithm".to_owned(),
        )),
    }
}

/// Makes Q-values of a QR-DQN's quantiles, `[quantiles][actions]`: the mean of linear outputs is
/// the output of the mean weights. Computed in f64 and rounded once.
#[expect(clippy::cast_possible_truncation, reason = "networks are f32")]
fn average_quantiles(layers: &mut [Dense], quantiles: Option<usize>) -> Result<(), Error> {
    let quantiles = quantiles.ok_or(Error::Unsaid {
        what: "the policy is a QR-DQN's, and the file does not say how many quantiles it has",
        advice: "save it with model.save()",
    })?;
    let Some(last) = layers.last_mut() else {
        return Err(Error::Network("it has no layers".to_owned()));
    };
    let actions = last.outputs / quantiles.max(1);
    if actions == 0 || actions * quantiles != last.outputs {
        return Err(Error::Network(format!(
            "its {} outputs are not {quantiles} quantiles of each action",
            last.outputs
        )));
    }
    let mean = |values: &[f32], start: usize, stride: usize| {
        let sum: f64 = values[start..]
            .iter()
            .step_by(stride)
            .map(|&value| f64::from(value))
            .sum();
        (sum / quantiles as f64) as f32
    };
    let stride = actions * last.inputs;
    last.weight = (0..stride)
        .map(|start| mean(&last.weight, start, stride))
        .collect();
    last.bias = (0..actions)
        .map(|start| mean(&last.bias, start, actions))
        .collect();
    last.outputs = actions;
    Ok(())
}
