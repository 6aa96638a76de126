//! The names that a saved `VecNormalize` may refer to.

use crate::policy_file::pickle::AllowedGlobal;

/// What a name stands for here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    VecNormalize,
    RunningMeanStd,
    /// NumPy's classes and functions that arrays and scalars are rebuilt with.
    Array,
    Dtype,
    Reconstruct,
    FromBuffer,
    Scalar,
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
            ("numpy", "ndarray") => Some(Self::Array),
            ("numpy", "dtype") => Some(Self::Dtype),
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => {
                Some(Self::Reconstruct)
            }
            ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Some(Self::Scalar),
            ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => Some(Self::FromBuffer),
            _ => is_inert(module, name).then_some(Self::Inert),
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
