//! The formats that policies are read from.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Error;
use super::error::quote;

/// How a policy file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Stable-Baselines3 `model.save()`.
    Sb3Zip,
    /// safetensors with the tensor names of SB3's state dict.
    Safetensors,
    /// Our own small JSON.
    MlpJson,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sb3Zip, Self::Safetensors, Self::MlpJson];

    /// Its name in requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sb3Zip => "sb3-zip",
            Self::Safetensors => "safetensors",
            Self::MlpJson => "mlp-json",
        }
    }

    /// The format that a file's first bytes speak for, or `None`. Whether it is a valid one, only
    /// reading it tells.
    pub fn detect(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"PK\x03\x04") {
            return Some(Self::Sb3Zip);
        }
        // safetensors: the header's length as a little-endian u64, then the header, a JSON object.
        if let Some((length, header)) = bytes.split_first_chunk()
            && header.first() == Some(&b'{')
            && u64::from_le_bytes(*length) <= header.len() as u64
        {
            return Some(Self::Safetensors);
        }
        let text = bytes.trim_ascii_start();
        text.starts_with(b"{").then_some(Self::MlpJson)
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
