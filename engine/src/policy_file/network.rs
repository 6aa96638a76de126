//! The bounds that every network must keep, whatever file it came from.

use super::error::Error;
use super::limits::{MAX_LAYERS, MAX_WIDTH};
use crate::policy::Dense;

/// Checks number, widths, shapes and values of the layers, and that each takes what the one before
/// it gives.
pub(super) fn validate(layers: &[Dense]) -> Result<(), Error> {
    if !(1..=MAX_LAYERS).contains(&layers.len()) {
        return Err(Error::Network(format!(
            "it has {} layers; from 1 to {MAX_LAYERS} are accepted",
            layers.len()
        )));
    }
    for (position, layer) in layers.iter().enumerate() {
        let (outputs, inputs) = (layer.outputs, layer.inputs);
        let widths = 1..=MAX_WIDTH;
        if !widths.contains(&outputs) || !widths.contains(&inputs) {
            return Err(Error::Network(format!(
                "layer {position} has the shape [{outputs}, {inputs}]; widths from 1 to \
                 {MAX_WIDTH} are accepted"
            )));
        }
        if layer.weight.len() != outputs * inputs || layer.bias.len() != outputs {
            return Err(Error::Network(format!(
                "layer {position} has the shape [{outputs}, {inputs}], but {} weights and \
                 {} biases",
                layer.weight.len(),
                layer.bias.len()
            )));
        }
        finite(&format!("layer {position}'s weight"), &layer.weight)?;
        finite(&format!("layer {position}'s bias"), &layer.bias)?;
    }
    for (position, pair) in layers.windows(2).enumerate() {
        if pair[0].outputs != pair[1].inputs {
            return Err(Error::Network(format!(
                "layer {position} of shape [{}, {}] does not fit layer {} of shape [{}, {}]",
                pair[0].outputs,
                pair[0].inputs,
                position + 1,
                pair[1].outputs,
                pair[1].inputs
            )));
        }
    }
    Ok(())
}

/// Refuses NaN and infinity, which training that diverged leaves behind.
pub(super) fn finite(what: &str, values: &[f32]) -> Result<(), Error> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(index) => Err(Error::Network(format!(
            "{what} holds {} at index {index}: training may have diverged",
            values[index]
        ))),
    }
}

/// An exploration rate.
pub(super) fn probability(rate: f64) -> Result<f64, Error> {
    if (0.0..=1.0).contains(&rate) {
        Ok(rate)
    } else {
        Err(Error::Network(format!(
            "the exploration rate is {rate}; from 0 to 1 is accepted"
        )))
    }
}
