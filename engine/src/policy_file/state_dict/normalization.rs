//! Batch normalisation, folded into the layer behind it.

use crate::policy::Dense;
use crate::policy_file::error::Error;

/// Batch normalisation with fixed statistics, `scale · (x − mean) / √(var + ε) + bias`: CrossQ's
/// `BatchRenorm` outside of training.
pub(super) struct Normalization {
    pub(super) mean: Vec<f32>,
    pub(super) var: Vec<f32>,
    pub(super) scale: Vec<f32>,
    pub(super) bias: Vec<f32>,
    pub(super) epsilon: f64,
}

impl Normalization {
    /// The layer that gives what `layer` gives behind this. Computed in f64 and rounded once, so
    /// the result differs from torch's by no more than the order of its sums does.
    #[expect(clippy::cast_possible_truncation, reason = "networks are f32")]
    pub(super) fn before(&self, layer: &Dense) -> Result<Dense, Error> {
        if layer.inputs != self.mean.len() {
            return Err(Error::Network(format!(
                "a normalisation of {} features does not fit a layer of {} inputs",
                self.mean.len(),
                layer.inputs
            )));
        }
        let factor = |input: usize| {
            f64::from(self.scale[input]) / (f64::from(self.var[input]) + self.epsilon).sqrt()
        };
        let factors: Vec<f64> = (0..layer.inputs).map(factor).collect();
        let shift = |input: usize| {
            f64::from(self.bias[input]) - f64::from(self.mean[input]) * factors[input]
        };
        let shifts: Vec<f64> = (0..layer.inputs).map(shift).collect();
        let rows = layer.weight.chunks_exact(layer.inputs);
        let bias = rows.zip(&layer.bias).map(|(row, &bias)| {
            let added = row
                .iter()
                .zip(&shifts)
                .map(|(&weight, shift)| f64::from(weight) * shift);
            (f64::from(bias) + added.sum::<f64>()) as f32
        });
        let weight = layer.weight.chunks_exact(layer.inputs).flat_map(|row| {
            row.iter()
                .zip(&factors)
                .map(|(&weight, factor)| (f64::from(weight) * factor) as f32)
        });
        Ok(Dense {
            bias: bias.collect(),
            weight: weight.collect(),
            inputs: layer.inputs,
            outputs: layer.outputs,
        })
    }
}
