//! The agent under evaluation, as it travels from the client to the worker.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tars_engine::policy::{Activation, DifferingObservations};
use tars_engine::policy_file::{Algorithm, Format, Given};

use crate::artifact::Digest;

/// A policy with, optionally, the `VecNormalize` statistics it was trained under.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentState {
    /// The policy file.
    pub policy: Blob,
    /// How the policy file is written. `None`: told from its first bytes.
    pub format: Option<Format>,
    /// SB3's `VecNormalize` statistics (`.pkl`), applied to every observation.
    pub vec_normalize: Option<Blob>,
    /// What is said about the policy file beside the file.
    #[serde(flatten)]
    pub options: PolicyOptions,
}

/// What is said about a policy file beside the file, where the file leaves something open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyOptions {
    /// The function between the layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
    /// A policy class of somebody's own computes what Stable-Baselines3's would.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub trust_architecture: bool,
    /// Map actions to the environment's bounds, as Gymnasium's `RescaleAction` does.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rescale_actions: bool,
    /// What to do where the policy was trained on observations with other bounds than the
    /// environment's; without it the policy is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observations: Option<Observations>,
}

/// Observations for a policy that was trained on ones with other bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Observations {
    /// The environment's own.
    Raw,
    /// Mapped to the policy's bounds, as Gymnasium's `RescaleObservation` does.
    Rescaled,
}

impl PolicyOptions {
    /// The same for the reader of policy files.
    pub fn given(self, algorithm: Option<Algorithm>) -> Given {
        Given {
            algorithm,
            activation: self.activation,
            trust_architecture: self.trust_architecture,
            rescale_actions: self.rescale_actions,
            differing_observations: match self.observations {
                None => DifferingObservations::Refuse,
                Some(Observations::Raw) => DifferingObservations::Raw,
                Some(Observations::Rescaled) => DifferingObservations::Rescale,
            },
        }
    }
}

/// Bytes that travel inside the message, or the name of stored ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blob {
    /// Stored by content hash.
    Artifact(Digest),
    /// Carried along.
    Inline(Base64),
}

/// Bytes that are base64 in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base64(pub Vec<u8>);

impl Base64 {
    /// Decodes standard base64 with padding.
    pub fn decode(text: &str) -> Result<Self, base64::DecodeError> {
        STANDARD.decode(text).map(Self)
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::decode(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
