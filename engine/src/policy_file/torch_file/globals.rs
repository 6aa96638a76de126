//! The names that a saved policy may refer to.

use crate::policy::Activation;
use crate::policy_file::numpy::{self, NumpyGlobal};
use crate::policy_file::pickle::AllowedGlobal;
use crate::policy_file::torch::{self, TensorGlobal};

/// What a name means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    Tensor(torch::Global),
    Numpy(numpy::Global),
    /// One of torch's own activation functions.
    Activation(Activation),
    FlattenExtractor,
    Box,
    Discrete,
    /// Other spaces, which no plain policy has.
    OtherSpace,
    /// Optimizers, schedules, random generators: they mean nothing to a policy's actions.
    Inert,
}

impl AllowedGlobal for Global {
    fn named(module: &str, name: &str) -> Option<Self> {
        if let Some(global) = torch::Global::named(module, name) {
            return Some(Self::Tensor(global));
        }
        if let Some(global) = numpy::Global::named(module, name) {
            return Some(Self::Numpy(global));
        }
        match (module, name) {
            ("stable_baselines3.common.torch_layers", "FlattenExtractor") => {
                return Some(Self::FlattenExtractor);
            }
            ("gymnasium.spaces.box" | "gym.spaces.box", "Box") => return Some(Self::Box),
            ("gymnasium.spaces.discrete" | "gym.spaces.discrete", "Discrete") => {
                return Some(Self::Discrete);
            }
            _ => {}
        }
        let activation = Activation::ALL
            .into_iter()
            .find(|activation| activation.is_class(module, name));
        activation.map(Self::Activation).or_else(|| {
            let space = ["gymnasium.spaces.", "gym.spaces."];
            if space.iter().any(|prefix| module.starts_with(prefix)) {
                return Some(Self::OtherSpace);
            }
            let inert = [
                "torch.optim.",
                "stable_baselines3.common.policies",
                "numpy.random.",
            ];
            let known = inert.iter().any(|prefix| module.starts_with(prefix))
                || matches!((module, name), ("__builtin__" | "builtins", "getattr"));
            known.then_some(Self::Inert)
        })
    }
}

impl TensorGlobal for Global {
    fn tensor(self) -> Option<torch::Global> {
        match self {
            Self::Tensor(global) => Some(global),
            _ => None,
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
