//! The network that a state dict holds.

use crate::policy::{Dense, Head, Spaces};
use crate::policy_file::algorithm::Algorithm;

/// What the tensors are.
pub(super) struct Recognised {
    pub(super) layers: Vec<Dense>,
    pub(super) head: Head,
    /// The algorithms whose policies have such tensors.
    pub(super) algorithms: &'static [Algorithm],
    /// The action space, where the tensors hold it.
    pub(super) spaces: Option<Spaces>,
}

impl Recognised {
    pub(super) fn new(layers: Vec<Dense>, head: Head, algorithms: &'static [Algorithm]) -> Self {
        Self {
            layers,
            head,
            algorithms,
            spaces: None,
        }
    }
}
