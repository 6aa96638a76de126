//! What happens to observations on their way to the network.

use super::model::Policy;
use super::normalizer::Normalizer;
use super::rescale::Rescale;
use crate::lanes::LaneMatrix;
use crate::space::BoxSpace;

/// The steps that a policy's observations go through, in the order of SB3's wrappers, with room for
/// their result.
#[derive(Debug)]
pub(super) struct Preparation {
    rescale: Option<Rescale>,
    normalizer: Option<Normalizer>,
    prepared: LaneMatrix,
}

impl Preparation {
    pub(super) fn new(policy: &Policy, space: &BoxSpace, lanes: usize) -> Self {
        let trained = policy.spaces.rescaled_observations(space);
        let rescale = trained.map(|trained| Rescale::between(space, trained));
        let normalizer = policy.normalizer.clone();
        let changed = rescale.is_some() || normalizer.is_some();
        Self {
            rescale,
            normalizer,
            prepared: LaneMatrix::zeros(if changed { space.dimensions() } else { 0 }, lanes),
        }
    }

    /// The network's inputs for the lanes `0..active`.
    pub(super) fn apply<'a>(
        &'a mut self,
        active: usize,
        observations: &'a LaneMatrix,
    ) -> &'a LaneMatrix {
        if self.rescale.is_none() && self.normalizer.is_none() {
            return observations;
        }
        for feature in 0..observations.features() {
            let row = &mut self.prepared.row_mut(feature)[..active];
            row.copy_from_slice(&observations.row(feature)[..active]);
            if let Some(rescale) = &self.rescale {
                for value in &mut *row {
                    *value = rescale.forward(feature, *value);
                }
            }
            if let Some(normalizer) = &self.normalizer {
                normalizer.apply(feature, row);
            }
        }
        &self.prepared
    }
}
