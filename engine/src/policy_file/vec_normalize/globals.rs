//! The names that a saved `VecNormalize` may refer to.

use crate::policy_file::numpy::{self, NumpyGlobal};
use crate::policy_file::pickle::AllowedGlobal;

/// What a name means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    VecNormalize,
    RunningMeanStd,
    Numpy(numpy::Global),
    /// Spaces and random generators. They are in every file and mean nothing to observations.
    Inert,
}

impl AllowedGlobal for Global {
    fn named(module: &str, name: &str) -> Option<Self> {
        match (module, name) {
            ("stable_baselines3.common.vec_env.vec_normalize", "VecNormalize") => {
                Some(Self::VecNormalize)
            }
            ("stable_baselines3.common.running_mean_std", "RunningMeanStd") => {
                Some(Self::RunningMeanStd)
            }
            _ if is_inert(module, name) => Some(Self::Inert),
            _ => numpy::Global::named(module, name).map(Self::Numpy),
        }
    }
}

impl NumpyGlobal for Global {
    fn numpy(self) -> Option<numpy::Global> {
        match self {
            Self::Numpy(global) => Some(global),
            _ => None,
        }
    }
}

fn is_inert(module: &str, name: &str) -> bool {
    let space = module
        .strip_prefix("gymnasium.spaces.")
        .or_else(|| module.strip_prefix("gym.spaces."));
    matches!(
        (space, name),
        (Some("box"), "Box")
            | (Some("dict"), "Dict")
            | (Some("discrete"), "Discrete")
            | (Some("multi_binary"), "MultiBinary")
            | (Some("multi_discrete"), "MultiDiscrete")
    ) || matches!(
        (module, name),
        ("collections", "OrderedDict")
            | (
                "numpy.random._pickle",
                "__generator_ctor" | "__bit_generator_ctor" | "__randomstate_ctor"
            )
            | ("numpy.random._pcg64", "PCG64")
            | ("numpy.random._mt19937", "MT19937")
            | (
                "numpy.random.bit_generator",
                "SeedSequence" | "__pyx_unpickle_SeedSequence"
            )
    )
}
