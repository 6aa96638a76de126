//! The tensors of a policy, sorted by the network that they belong to.

use std::collections::BTreeMap;

use super::names::{self, Network, Part, Role, Vector};
use crate::policy_file::error::Error;
use crate::policy_file::tensor_source::TensorSource;
use crate::quote::quote;

/// One tensor.
pub(super) struct Tensor {
    /// Its name in the file.
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
}

/// The tensors of one layer.
pub(super) type Parts = BTreeMap<Part, Tensor>;

/// All tensors that choose actions.
#[derive(Default)]
pub(super) struct Tensors {
    networks: BTreeMap<Network, BTreeMap<Option<usize>, Parts>>,
    vectors: BTreeMap<Vector, Tensor>,
}

impl Tensors {
    pub(super) fn of(source: &impl TensorSource) -> Result<Self, Error> {
        let mut tensors = Self::default();
        for (name, shape) in source.tensors() {
            let tensor = Tensor {
                name: name.to_owned(),
                shape: shape.to_vec(),
            };
            let twice = match names::classify(&names::plain(name))? {
                Role::Ignored => None,
                Role::Vector(vector) => tensors.vectors.insert(vector, tensor),
                Role::Layer(network, number, part) => {
                    let layers = tensors.networks.entry(network).or_default();
                    layers.entry(number).or_default().insert(part, tensor)
                }
            };
            if let Some(other) = twice {
                return Err(Error::Tensor {
                    name: quote(name),
                    reason: format!("means the same as {}", quote(&other.name)),
                });
            }
        }
        Ok(tensors)
    }

    /// The networks that there are, in the order of [`Network`].
    pub(super) fn networks(&self) -> Vec<Network> {
        self.networks.keys().copied().collect()
    }

    /// A network's layers, numbered ones in order; none where it is absent.
    pub(super) fn layers(&self, network: Network) -> impl Iterator<Item = (Option<usize>, &Parts)> {
        let layers = self.networks.get(&network).into_iter().flatten();
        layers.map(|(number, parts)| (*number, parts))
    }

    /// A network that is a single layer without a number.
    pub(super) fn single(&self, network: Network) -> Option<&Parts> {
        self.networks.get(&network)?.get(&None)
    }

    pub(super) fn vector(&self, vector: Vector) -> Option<&Tensor> {
        self.vectors.get(&vector)
    }

    /// A vector that the network has no use for would otherwise be left out silently.
    pub(super) fn expect_no_vectors_but(&self, allowed: &[Vector]) -> Result<(), Error> {
        if self.vectors.keys().all(|vector| allowed.contains(vector)) {
            return Ok(());
        }
        Err(Error::Network(
            "it holds the tensors of more than one algorithm".to_owned(),
        ))
    }
}
