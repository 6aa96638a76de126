//! What is said about a policy file beside the file.

use super::algorithm::Algorithm;
use crate::policy::{Activation, DifferingObservations, Spaces};

/// What a person or a request says about a policy file. A file that says otherwise is refused; what
/// neither says is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Given {
    /// The algorithm that trained the policy.
    pub algorithm: Option<Algorithm>,
    /// The function between the layers.
    pub activation: Option<Activation>,
    /// A policy class that is not Stable-Baselines3's computes what Stable-Baselines3's would from
    /// the same tensors.
    pub trust_architecture: bool,
    /// Map actions to the environment's bounds, as Gymnasium's `RescaleAction` does.
    pub rescale_actions: bool,
    /// What to do where the policy was trained on observations with other bounds.
    pub differing_observations: DifferingObservations,
}

impl From<Option<Algorithm>> for Given {
    /// Nothing but the algorithm.
    fn from(algorithm: Option<Algorithm>) -> Self {
        Self {
            algorithm,
            ..Self::default()
        }
    }
}

impl Given {
    /// The spaces that a file declares, with what is said about them.
    pub(super) fn spaces(self, declared: Spaces) -> Spaces {
        Spaces {
            rescale_actions: self.rescale_actions,
            differing_observations: self.differing_observations,
            ..declared
        }
    }
}
