//! safetensors with the tensor names of a state dict.
//!
//! Such a file says nothing about a policy but its tensors. The metadata may name the `activation`
//! (`tanh`, `relu`, …), the `algorithm`, the `exploration_rate` (a number from 0 to 1) and, as the
//! constructors of SB3's policies take them, `squash_output`, `n_quantiles`, `clip_mean` and
//! `batch_norm_eps`; what is needed and neither there nor given is asked for. Spaces are not
//! recorded, so a policy for several discrete actions at a time (`MultiDiscrete`) cannot be told
//! from one for a single one; it fails when it is fitted to an environment.

use std::collections::BTreeMap;
use std::str::FromStr;

use ::safetensors::tensor::{Dtype, Metadata, SafeTensors};

use super::contents::PolicyFile;
use super::declared::{Class, Declared, DeclaredActivation};
use super::error::Error;
use super::given::Given;
use super::state_dict;
use super::tensor_source::TensorSource;
use super::torch::Element;
use crate::quote::quote;

/// Reads a whole file.
pub(super) fn read(bytes: &[u8], given: Given) -> Result<PolicyFile, Error> {
    let refused = |error: ::safetensors::SafeTensorError| Error::Safetensors(error.to_string());
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(refused)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(refused)?;
    let views = tensors
        .iter()
        .map(|(name, view)| (name.to_owned(), view))
        .collect();
    state_dict::recognise(&mut Views(views), &declared(&metadata)?, given)
}

fn declared(metadata: &Metadata) -> Result<Declared, Error> {
    Ok(Declared {
        class: Class::StateDict,
        activation: value(metadata, "activation")?
            .map_or(DeclaredActivation::Nothing, DeclaredActivation::Known),
        algorithm: value(metadata, "algorithm")?,
        exploration_rate: value(metadata, "exploration_rate")?,
        squash_output: value(metadata, "squash_output")?,
        n_quantiles: value(metadata, "n_quantiles")?,
        clip_mean: value(metadata, "clip_mean")?,
        batch_norm_eps: value(metadata, "batch_norm_eps")?,
        ..Declared::default()
    })
}

/// An entry of the metadata, if it is there.
fn value<T: FromStr<Err: std::fmt::Display>>(
    metadata: &Metadata,
    key: &str,
) -> Result<Option<T>, Error> {
    let entries = metadata.metadata().as_ref();
    let Some(text) = entries.and_then(|entries| entries.get(key)) else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|error| {
        Error::Safetensors(format!("the metadata {key} is {}: {error}", quote(text)))
    })
}

struct Views<'a>(BTreeMap<String, ::safetensors::tensor::TensorView<'a>>);

impl TensorSource for Views<'_> {
    fn tensors(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.0
            .iter()
            .map(|(name, view)| (name.as_str(), view.shape()))
    }

    fn values(&mut self, name: &str) -> Result<Vec<f32>, Error> {
        let refused = |reason: String| Error::Tensor {
            name: quote(name),
            reason,
        };
        let view = self
            .0
            .get(name)
            .ok_or_else(|| refused("is missing".to_owned()))?;
        let element = match view.dtype() {
            Dtype::F32 => Element::Float32,
            Dtype::F64 => Element::Float64,
            Dtype::F16 => Element::Float16,
            Dtype::BF16 => Element::BFloat16,
            other => {
                return Err(refused(format!(
                    "is {other:?}: weights are floating-point numbers"
                )));
            }
        };
        let elements = view.shape().iter().product();
        element
            .decode(view.data(), elements, 0..elements)
            .map_err(refused)
    }
}
