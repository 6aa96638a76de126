//! What was read from a policy file.

use super::activation_source::ActivationSource;
use super::algorithm::Algorithm;
use super::error::Error;
use crate::policy::{Normalizer, Policy};

/// What a policy file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyFile {
    /// The policy.
    pub policy: Policy,
    /// The algorithm that trained it, where it was given or the file tells: the tensors of several
    /// are alike.
    pub algorithm: Option<Algorithm>,
    /// Who says which activation function the policy has.
    pub activation_source: ActivationSource,
    /// Where in the file the policy is, if not in the usual place.
    pub place: Option<String>,
}

impl PolicyFile {
    /// The same policy behind observation statistics, which must have as many dimensions as it has
    /// inputs.
    pub fn normalized_by(mut self, normalizer: Normalizer) -> Result<Self, Error> {
        let inputs = self.policy.layers.first().map_or(0, |layer| layer.inputs);
        if normalizer.mean.len() != inputs {
            return Err(Error::Normalizer(format!(
                "it has {} dimensions, but the policy takes {inputs} inputs",
                normalizer.mean.len()
            )));
        }
        self.policy.normalizer = Some(normalizer);
        Ok(self)
    }

    /// Checks the algorithm that a request names against those that the file can be of.
    pub(super) fn confirmed_as(
        self,
        given: Option<Algorithm>,
        possible: &[Algorithm],
    ) -> Result<Self, Error> {
        let algorithm = match (given, possible) {
            (Some(given), _) if !possible.contains(&given) => {
                return Err(Error::AlgorithmMismatch {
                    given,
                    found: Algorithm::names(possible),
                });
            }
            (None, [only]) => Some(*only),
            (given, _) => given,
        };
        Ok(Self { algorithm, ..self })
    }
}
