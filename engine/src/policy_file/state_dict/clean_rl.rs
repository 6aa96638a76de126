//! CleanRL's policies. Its files are bare state dicts, so the activation function is always asked
//! for.

use super::layers::LayerReader;
use super::names::{Network, Vector};
use super::recognised::Recognised;
use super::tensors::Tensors;
use crate::policy::{Head, Noise, Spaces};
use crate::policy_file::algorithm::Algorithm;
use crate::policy_file::error::Error;
use crate::policy_file::tensor_source::TensorSource;
use crate::quote::quote;
use crate::space::BoxSpace;

/// Whether these networks are those of one of CleanRL's scripts.
pub(super) fn is_known(networks: &[Network]) -> bool {
    matches!(
        networks,
        [Network::CleanValues | Network::CleanLogits | Network::CleanMean]
            | [Network::CleanHidden, Network::CleanActor]
            | [
                Network::CleanHidden,
                Network::CleanSquashedMean,
                Network::CleanLogStd
            ]
    )
}

/// Reads networks that [`is_known`].
pub(super) fn read<S: TensorSource>(
    reader: &mut LayerReader<'_, S>,
    tensors: &Tensors,
) -> Result<Recognised, Error> {
    let unused = |allowed: &[Vector]| tensors.expect_no_vectors_but(allowed);
    match tensors.networks()[..] {
        [Network::CleanValues] => {
            unused(&[])?;
            let head = Head::Values {
                exploration_rate: 0.0,
            };
            let layers = reader.plain_sequence(Network::CleanValues)?;
            Ok(Recognised::new(layers, head, &[Algorithm::Dqn]))
        }
        [Network::CleanLogits] => {
            unused(&[])?;
            let layers = reader.plain_sequence(Network::CleanLogits)?;
            Ok(Recognised::new(layers, Head::Logits, &[Algorithm::Ppo]))
        }
        [Network::CleanMean] => {
            unused(&[Vector::CleanLogStd])?;
            let layers = reader.plain_sequence(Network::CleanMean)?;
            let noise = match tensors.vector(Vector::CleanLogStd) {
                Some(log_std) => Noise::Constant {
                    log_std: reader.vector(log_std)?,
                },
                None => Noise::Unknown,
            };
            Ok(Recognised::new(
                layers,
                Head::Gaussian { noise },
                &[Algorithm::Ppo],
            ))
        }
        _ => squashed(reader, tensors),
    }
}

/// DDPG, TD3 and SAC: two hidden layers, and tanh scaled to the bounds that are among the tensors.
fn squashed<S: TensorSource>(
    reader: &mut LayerReader<'_, S>,
    tensors: &Tensors,
) -> Result<Recognised, Error> {
    tensors.expect_no_vectors_but(&[Vector::ActionScale, Vector::ActionBias])?;
    let mut layers = reader.plain_sequence(Network::CleanHidden)?;
    let (last, algorithms): (_, &[Algorithm]) = match tensors.single(Network::CleanActor) {
        Some(actor) => (Some(actor), &[Algorithm::Ddpg, Algorithm::Td3]),
        None => (
            tensors.single(Network::CleanSquashedMean),
            &[Algorithm::Sac],
        ),
    };
    let last = last.ok_or_else(|| Error::Network("it has no last layer".to_owned()))?;
    layers.push(reader.dense(last, false)?);
    let head = match tensors.single(Network::CleanLogStd) {
        // CleanRL squashes the deviation in a way of its own, which is not evaluated.
        Some(_) => Head::SquashedGaussian {
            mean_bound: None,
            noise: Noise::Unknown,
        },
        None => Head::Squashed,
    };
    let spaces = Spaces {
        actions: bounds(reader, tensors)?,
        ..Spaces::default()
    };
    Ok(Recognised {
        spaces: Some(spaces),
        ..Recognised::new(layers, head, algorithms)
    })
}

/// `action_bias ± action_scale`.
fn bounds<S: TensorSource>(
    reader: &mut LayerReader<'_, S>,
    tensors: &Tensors,
) -> Result<Option<BoxSpace>, Error> {
    let (scale, bias) = (
        tensors.vector(Vector::ActionScale),
        tensors.vector(Vector::ActionBias),
    );
    let (Some(scale), Some(bias)) = (scale, bias) else {
        return Ok(None);
    };
    let name = quote(&bias.name);
    let (scale, bias) = (reader.vector(scale)?, reader.vector(bias)?);
    if scale.len() != bias.len() {
        return Err(Error::Tensor {
            name,
            reason: "has another shape than action_scale".to_owned(),
        });
    }
    let bound = |sign: f32| scale.iter().zip(&bias).map(|(s, b)| b + sign * s).collect();
    Ok(Some(BoxSpace {
        low: bound(-1.0),
        high: bound(1.0),
    }))
}
