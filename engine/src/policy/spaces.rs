//! The spaces that a policy was trained in, held against an environment's.

use crate::space::BoxSpace;

/// What to do where the observations that a policy was trained on have other bounds than the
/// environment's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DifferingObservations {
    /// Refuse the policy, as Stable-Baselines3 does.
    #[default]
    Refuse,
    /// Give it the environment's own observations.
    Raw,
    /// Map them to the policy's bounds, as Gymnasium's `RescaleObservation` does.
    Rescale,
}

/// The spaces that a policy was trained in, as far as its file declares them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Spaces {
    /// Bounds of the observations.
    pub observations: Option<BoxSpace>,
    /// Bounds of the actions, for a policy that gives vectors.
    pub actions: Option<BoxSpace>,
    /// Map actions from the policy's bounds to the environment's, as Gymnasium's `RescaleAction`
    /// does; without it other bounds are refused. A file that declares no bounds means ±1.
    pub rescale_actions: bool,
    /// What to do where observations have other bounds.
    pub differing_observations: DifferingObservations,
}

impl Spaces {
    /// The bounds that the policy's actions lie in, where they have to be mapped to the
    /// environment's.
    pub(crate) fn rescaled_actions(&self, environment: &BoxSpace) -> Option<BoxSpace> {
        if !self.rescale_actions {
            return None;
        }
        let unit = || BoxSpace::symmetric(&vec![1.0; environment.dimensions()]);
        let trained = self.actions.clone().unwrap_or_else(unit);
        (!same(&trained, environment)).then_some(trained)
    }

    /// The bounds that observations have to be mapped to.
    pub(crate) fn rescaled_observations(&self, environment: &BoxSpace) -> Option<&BoxSpace> {
        self.observations.as_ref().filter(|trained| {
            self.differing_observations == DifferingObservations::Rescale
                && !same(trained, environment)
        })
    }
}

/// Whether two boxes have the same bounds. Files print them with eight digits, and Gym wrote the
/// largest f32 where Gymnasium writes infinity.
pub(super) fn same(one: &BoxSpace, other: &BoxSpace) -> bool {
    let bound = |x: f32| {
        if x.abs() > 3.4e38 {
            x.signum() * f32::INFINITY
        } else {
            x
        }
    };
    let near = |(&a, &b): (&f32, &f32)| {
        let (a, b) = (bound(a), bound(b));
        let close = (a - b).abs() <= 1e-6 * a.abs().max(b.abs());
        a.to_bits() == b.to_bits() || (a.is_finite() && b.is_finite() && close)
    };
    one.dimensions() == other.dimensions()
        && one.low.iter().zip(&other.low).all(near)
        && one.high.iter().zip(&other.high).all(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(low: &[f32], high: &[f32]) -> BoxSpace {
        BoxSpace {
            low: low.to_vec(),
            high: high.to_vec(),
        }
    }

    #[test]
    fn bounds_are_the_same_within_what_a_file_prints() {
        let modern = of(&[-4.8, f32::NEG_INFINITY], &[4.8, f32::INFINITY]);
        assert!(same(
            &of(&[-4.800_001, -3.402_823_5e38], &[4.8, f32::MAX]),
            &modern
        ));
        assert!(!same(&of(&[-4.8, -1e30], &[4.8, 1e30]), &modern));
        assert!(!same(&of(&[-4.8], &[4.8]), &modern));
        assert!(!same(&of(&[-1.0], &[1.0]), &of(&[-2.0], &[2.0])));
        assert!(!same(
            &of(&[f32::NEG_INFINITY], &[1.0]),
            &of(&[f32::INFINITY], &[1.0])
        ));
        assert!(!same(
            &of(&[f32::NEG_INFINITY], &[1.0]),
            &of(&[-2.0], &[1.0])
        ));
    }
}
