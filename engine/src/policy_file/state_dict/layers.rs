//! Dense layers from their tensors, with batch normalisation folded into them.

use super::names::{Network, Part};
use super::normalization::Normalization;
use super::tensors::{Parts, Tensor, Tensors};
use crate::policy::Dense;
use crate::policy_file::error::Error;
use crate::policy_file::limits::{MAX_LAYERS, MAX_PARAMETERS, MAX_WIDTH};
use crate::policy_file::tensor_source::TensorSource;
use crate::quote::quote;

/// Reads layers and keeps count of them.
pub(super) struct LayerReader<'a, S> {
    source: &'a mut S,
    tensors: &'a Tensors,
    /// ε of batch normalisation, where the file says it.
    batch_norm_eps: Option<f64>,
    layers: usize,
    parameters: usize,
}

impl<'a, S: TensorSource> LayerReader<'a, S> {
    pub(super) fn new(
        source: &'a mut S,
        tensors: &'a Tensors,
        batch_norm_eps: Option<f64>,
    ) -> Self {
        Self {
            source,
            tensors,
            batch_norm_eps,
            layers: 0,
            parameters: 0,
        }
    }

    /// The layers of a `Sequential`: in it an activation has no tensors, but takes a number, and a
    /// normalisation stands right before a dense layer. Ends with the normalisation that stands
    /// behind the last activation, if there is one.
    pub(super) fn sequence(
        &mut self,
        network: Network,
    ) -> Result<(Vec<Dense>, Option<Normalization>), Error> {
        let tensors = self.tensors;
        let mut dense: Vec<Dense> = Vec::new();
        let mut pending: Option<Normalization> = None;
        let mut expected = 0;
        for (number, parts) in tensors.layers(network) {
            let number = number.unwrap_or(0);
            if number != expected {
                return Err(Error::Unsupported {
                    found: format!(
                        "layer {} has the number {number} instead of {expected}",
                        dense.len()
                    ),
                    advice: "only dense layers with one activation between them can be evaluated",
                });
            }
            if parts.contains_key(&Part::Scale) {
                if pending.is_some() {
                    return Err(Error::Network(
                        "two normalisations follow each other".to_owned(),
                    ));
                }
                pending = Some(self.normalization(parts)?);
                expected = number + 1;
                continue;
            }
            let layer = self.dense(parts, false)?;
            dense.push(match pending.take() {
                Some(normalization) => normalization.before(&layer)?,
                None => layer,
            });
            expected = number + 2;
        }
        Ok((dense, pending))
    }

    /// The layers of a `Sequential` without normalisation.
    pub(super) fn plain_sequence(&mut self, network: Network) -> Result<Vec<Dense>, Error> {
        match self.sequence(network)? {
            (dense, None) => Ok(dense),
            (_, Some(_)) => Err(Error::Network(
                "a normalisation has no layer behind it".to_owned(),
            )),
        }
    }

    /// The same, where layers may lack a bias.
    pub(super) fn sequence_without_bias(&mut self, network: Network) -> Result<Vec<Dense>, Error> {
        let tensors = self.tensors;
        let mut dense = Vec::new();
        for (number, parts) in tensors.layers(network) {
            if number.unwrap_or(0) != 2 * dense.len() {
                return Err(Error::Network(
                    "its layers are not numbered 0, 2, 4, …".to_owned(),
                ));
            }
            dense.push(self.dense(parts, true)?);
        }
        Ok(dense)
    }

    /// One layer.
    pub(super) fn dense(&mut self, parts: &Parts, bias_may_lack: bool) -> Result<Dense, Error> {
        let weight = match (parts.get(&Part::Weight), parts.len()) {
            (Some(weight), 1) if bias_may_lack => weight,
            (Some(weight), 2) if parts.contains_key(&Part::Bias) => weight,
            _ => return Err(incomplete(parts)),
        };
        let bias = parts.get(&Part::Bias);
        let (outputs, inputs) = dense_shape(weight, bias)?;
        self.count(outputs * inputs + outputs)?;
        Ok(Dense {
            inputs,
            outputs,
            weight: self.source.values(&weight.name)?,
            bias: match bias {
                Some(bias) => self.source.values(&bias.name)?,
                None => vec![0.0; outputs],
            },
        })
    }

    /// The values of a tensor that belongs to no layer.
    pub(super) fn vector(&mut self, tensor: &Tensor) -> Result<Vec<f32>, Error> {
        self.count(
            tensor
                .shape
                .iter()
                .fold(1, |product, &length| length.saturating_mul(product)),
        )?;
        let values = self.source.values(&tensor.name)?;
        crate::policy_file::network::finite(&tensor.name, &values)?;
        Ok(values)
    }

    fn normalization(&mut self, parts: &Parts) -> Result<Normalization, Error> {
        let mut read = |part| {
            let tensor = parts.get(&part).ok_or_else(|| incomplete(parts))?;
            match tensor.shape[..] {
                [length] if (1..=MAX_WIDTH).contains(&length) => {}
                _ => {
                    return Err(Error::Tensor {
                        name: quote(&tensor.name),
                        reason: format!("has the shape {:?} instead of [features]", tensor.shape),
                    });
                }
            }
            self.vector(tensor)
        };
        let (mean, var) = (read(Part::RunningMean)?, read(Part::RunningVar)?);
        let (scale, bias) = (read(Part::Scale)?, read(Part::Bias)?);
        let epsilon = self.batch_norm_eps.ok_or(Error::Unsaid {
            what: "the policy has batch normalisation, and the file does not say its epsilon",
            advice: "save it with model.save()",
        })?;
        let same = [&var, &scale, &bias]
            .iter()
            .all(|values| values.len() == mean.len());
        let positive = var.iter().all(|&var| f64::from(var) + epsilon > 0.0);
        if !same || !positive || parts.len() != 4 {
            return Err(Error::Network(
                "its batch normalisation is not usable".to_owned(),
            ));
        }
        Ok(Normalization {
            mean,
            var,
            scale,
            bias,
            epsilon,
        })
    }

    fn count(&mut self, parameters: usize) -> Result<(), Error> {
        self.layers += 1;
        self.parameters = self.parameters.saturating_add(parameters);
        let (limit, unit) = if self.parameters > MAX_PARAMETERS {
            (MAX_PARAMETERS, "weights and biases")
        } else if self.layers > 4 * MAX_LAYERS {
            (MAX_LAYERS, "layers")
        } else {
            return Ok(());
        };
        Err(Error::TooLarge {
            what: "the network".to_owned(),
            limit: limit as u64,
            unit,
        })
    }
}

fn incomplete(parts: &Parts) -> Error {
    match parts.values().next() {
        Some(tensor) => Error::Tensor {
            name: quote(&tensor.name),
            reason: "has not just a weight and a bias beside it: only dense layers with both can \
                     be evaluated"
                .to_owned(),
        },
        None => Error::Network("a layer has no tensors".to_owned()),
    }
}

/// `(outputs, inputs)` of a layer.
fn dense_shape(weight: &Tensor, bias: Option<&Tensor>) -> Result<(usize, usize), Error> {
    let wrong = |tensor: &Tensor, reason: String| Error::Tensor {
        name: quote(&tensor.name),
        reason,
    };
    let &[outputs, inputs] = &weight.shape[..] else {
        let reason = format!(
            "has the shape {:?}, which is no dense layer's [outputs, inputs]",
            weight.shape
        );
        return Err(wrong(weight, reason));
    };
    if let Some(bias) = bias.filter(|bias| bias.shape != [outputs]) {
        let reason = format!(
            "has the shape {:?}, but its weight has {:?}",
            bias.shape, weight.shape
        );
        return Err(wrong(bias, reason));
    }
    if [outputs, inputs]
        .iter()
        .any(|width| !(1..=MAX_WIDTH).contains(width))
    {
        let reason = format!(
            "has the shape {:?}; widths from 1 to {MAX_WIDTH} are accepted",
            weight.shape
        );
        return Err(wrong(weight, reason));
    }
    Ok((outputs, inputs))
}
