//! Policies whose last layer is `action_net`: A2C, PPO, TRPO and MaskablePPO, and ARS.

use super::layers::LayerReader;
use super::names::{Network, Part, Vector};
use super::recognised::Recognised;
use super::state_dependent;
use super::tensors::Tensors;
use crate::policy::{Dense, Head, Noise};
use crate::policy_file::algorithm::Algorithm;
use crate::policy_file::declared::Declared;
use crate::policy_file::error::Error;
use crate::policy_file::tensor_source::TensorSource;

const ACTOR_CRITIC: &[Algorithm] = &[
    Algorithm::A2c,
    Algorithm::Ppo,
    Algorithm::Trpo,
    Algorithm::MaskablePpo,
];

/// Layers shared with the value function, the policy's own ones, `action_net`; an activation stands
/// behind each but the last.
pub(super) fn read<S: TensorSource>(
    reader: &mut LayerReader<'_, S>,
    tensors: &Tensors,
    declared: &Declared,
) -> Result<Recognised, Error> {
    let mut layers = reader.plain_sequence(Network::Shared)?;
    layers.extend(reader.plain_sequence(Network::Policy)?);
    let last = tensors
        .single(Network::Action)
        .ok_or_else(|| Error::Network("the tensor action_net.weight is missing".to_owned()))?;
    layers.push(reader.dense(last, false)?);
    let head = head(reader, tensors, declared, &layers)?;
    Ok(Recognised::new(layers, head, ACTOR_CRITIC))
}

/// Logits without a `log_std`, else a Gaussian. gSDE has a matrix in its place.
fn head<S: TensorSource>(
    reader: &mut LayerReader<'_, S>,
    tensors: &Tensors,
    declared: &Declared,
    layers: &[Dense],
) -> Result<Head, Error> {
    let Some(log_std) = tensors.vector(Vector::LogStd) else {
        return Ok(Head::Logits);
    };
    let (actions, features) = layers
        .last()
        .map_or((0, 0), |last| (last.outputs, last.inputs));
    match log_std.shape[..] {
        [length] if length == actions => {
            let log_std = reader.vector(log_std)?;
            Ok(Head::Gaussian {
                noise: Noise::Constant { log_std },
            })
        }
        _ => {
            let noise = state_dependent::read(reader, log_std, (features, actions), declared)?;
            match declared.squash_output {
                Some(false) => Ok(Head::Gaussian { noise }),
                Some(true) => Ok(Head::SquashedGaussian {
                    mean_bound: None,
                    noise,
                }),
                None => Err(Error::Unsaid {
                    what: "the policy was trained with gSDE, and the file does not say whether \
                           its actions are squashed",
                    advice: "save it with model.save()",
                }),
            }
        }
    }
}

/// ARS's network is all in `action_net`, numbered, or a single matrix without a bias.
pub(super) fn is_random_search(tensors: &Tensors) -> bool {
    let single = tensors.single(Network::Action);
    single.is_none_or(|parts| !parts.contains_key(&Part::Bias))
}

pub(super) fn random_search<S: TensorSource>(
    reader: &mut LayerReader<'_, S>,
    declared: &Declared,
) -> Result<Recognised, Error> {
    let layers = reader.sequence_without_bias(Network::Action)?;
    let head = match (declared.is_discrete, declared.squash_output) {
        (Some(true), _) => Head::Scores,
        (Some(false), Some(true)) => Head::Squashed,
        (Some(false), Some(false)) => Head::Action,
        _ => {
            return Err(Error::Unsaid {
                what: "the policy is ARS's, and the file does not say what actions it takes",
                advice: "save it with model.save()",
            });
        }
    };
    Ok(Recognised::new(layers, head, &[Algorithm::Ars]))
}
