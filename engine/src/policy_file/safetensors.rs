//! safetensors with the tensor names of SB3's state dict.
//!
//! The metadata may name the `activation` (`tanh` or `relu`) and the `exploration_rate` (a number
//! from 0 to 1); without them the algorithm's defaults hold. Spaces are not recorded in such a
//! file, so a policy for several discrete actions at a time (`MultiDiscrete`) cannot be told from
//! one for a single one; it fails when it is fitted to an environment.

use std::collections::BTreeMap;

use ::safetensors::tensor::{Dtype, Metadata, SafeTensors};

use super::error::quote;
use super::state_dict::{self, Hints, TensorSource};
use super::{Error, PolicyFile, activation_named};

/// Reads a whole file.
pub(super) fn read(bytes: &[u8]) -> Result<PolicyFile, Error> {
    let refused = |error: ::safetensors::SafeTensorError| Error::Safetensors(error.to_string());
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(refused)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(refused)?;
    let views = tensors
        .iter()
        .map(|(name, view)| (name.to_owned(), view))
        .collect();
    state_dict::recognise(&mut Views(views), &hints(&metadata)?)
}

fn hints(metadata: &Metadata) -> Result<Hints, Error> {
    let named = |key: &str| {
        metadata
            .metadata()
            .as_ref()
            .and_then(|entries| entries.get(key))
    };
    let exploration_rate = named("exploration_rate").map(|text| {
        text.parse().map_err(|_| {
            Error::Safetensors(format!(
                "the metadata exploration_rate is {}, no number",
                quote(text)
            ))
        })
    });
    Ok(Hints {
        activation: named("activation")
            .map(|text| activation_named(text))
            .transpose()?,
        exploration_rate: exploration_rate.transpose()?,
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
        if view.dtype() != Dtype::F32 {
            return Err(refused(format!(
                "is {:?}: only F32 is accepted",
                view.dtype()
            )));
        }
        let (values, _) = view.data().as_chunks();
        Ok(values
            .iter()
            .map(|&bytes| f32::from_le_bytes(bytes))
            .collect())
    }
}
