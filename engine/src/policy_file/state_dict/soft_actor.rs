//! SAC's actor, which TQC and CrossQ share: hidden layers, a mean and a deviation.

use super::layers::LayerReader;
use super::names::{Network, Vector};
use super::recognised::Recognised;
use super::state_dependent;
use super::tensors::Tensors;
use crate::policy::{Dense, Head, Noise};
use crate::policy_file::algorithm::Algorithm;
use crate::policy_file::declared::Declared;
use crate::policy_file::error::Error;
use crate::policy_file::network;
use crate::policy_file::tensor_source::TensorSource;

pub(super) fn read<S: TensorSource>(
    reader: &mut LayerReader<'_, S>,
    tensors: &Tensors,
    declared: &Declared,
) -> Result<Recognised, Error> {
    let (mut layers, normalization) = reader.sequence(Network::Latent)?;
    // Only CrossQ normalises, and with `batch_norm=False` it does not either.
    let is_crossq = normalization.is_some() || declared.algorithm == Some(Algorithm::CrossQ);
    let algorithms: &[Algorithm] = if is_crossq {
        &[Algorithm::CrossQ]
    } else {
        &[Algorithm::Sac, Algorithm::Tqc]
    };
    let normalized = |layer| match &normalization {
        Some(normalization) => normalization.before(&layer),
        None => Ok(layer),
    };
    let clipped = tensors.single(Network::Mean).is_none();
    let mean = match tensors.single(Network::Mean) {
        Some(parts) => reader.dense(parts, false)?,
        // Under gSDE the layer stands before a Hardtanh in a `Sequential`.
        None => match <[Dense; 1]>::try_from(reader.plain_sequence(Network::Mean)?) {
            Ok([mean]) => mean,
            Err(_) => return Err(Error::Network("actor.mu is not a single layer".to_owned())),
        },
    };
    let noise = match (
        tensors.single(Network::LogStd),
        tensors.vector(Vector::ActorLogStd),
    ) {
        (Some(parts), None) => {
            let log_std = reader.dense(parts, false)?;
            if (log_std.inputs, log_std.outputs) != (mean.inputs, mean.outputs) {
                return Err(Error::Network(
                    "actor.log_std has another shape than actor.mu".to_owned(),
                ));
            }
            let log_std = normalized(log_std)?;
            network::validate(std::slice::from_ref(&log_std))?;
            Noise::Layer(log_std)
        }
        (None, Some(log_std)) => {
            let shape = (mean.inputs, mean.outputs);
            let noise = state_dependent::read(reader, log_std, shape, declared)?;
            match normalization {
                // The noise comes from the normalised features, which are folded away.
                Some(_) => Noise::Unknown,
                None => noise,
            }
        }
        _ => return Err(Error::Network("actor.log_std is missing".to_owned())),
    };
    let mean_bound = match (clipped, declared.clip_mean) {
        (false, _) => None,
        (true, Some(bound)) if bound > 0.0 => Some(bound),
        (true, Some(bound)) => {
            return Err(Error::Network(format!(
                "clip_mean is {bound}, but actor.mu is clipped"
            )));
        }
        (true, None) => {
            return Err(Error::Unsaid {
                what: "the policy was trained with gSDE, and the file does not say clip_mean",
                advice: "save it with model.save()",
            });
        }
    };
    layers.push(normalized(mean)?);
    let head = Head::SquashedGaussian { mean_bound, noise };
    Ok(Recognised::new(layers, head, algorithms))
}
