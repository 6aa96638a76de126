//! The formats that policies are read from.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Error;
use crate::quote::quote;

/// How a policy file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Stable-Baselines3 `model.save()`.
    Sb3Zip,
    /// `torch.save` of a policy or a state dict, as Stable-Baselines3 and CleanRL write it.
    Torch,
    /// safetensors with the tensor names of a state dict.
    Safetensors,
    /// Our own small JSON.
    MlpJson,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sb3Zip, Self::Torch, Self::Safetensors, Self::MlpJson];

    /// Its name in requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sb3Zip => "sb3-zip",
            Self::Torch => "torch",
            Self::Safetensors => "safetensors",
            Self::MlpJson => "mlp-json",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|format| format.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| Error::UnknownFormat(quote(text)))
    }
}
