//! What was read from a policy file, for results.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::activation_source::ActivationSource;
use super::algorithm::Algorithm;
use super::contents::PolicyFile;
use super::format::Format;
use crate::catalogue::EnvironmentSpec;
use crate::policy::Activation;
use crate::space::{ActionSpace, BoxSpace};

/// How observations reach the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObservationsAre {
    /// As the environment gives them.
    Raw,
    /// Through the statistics of a `VecNormalize`.
    Normalized,
    /// Mapped to the bounds that the policy was trained on.
    Rescaled,
    /// Both of these.
    RescaledAndNormalized,
}

/// The policy that was evaluated, as it was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PolicySummary")]
pub struct Summary {
    /// How the file is written.
    pub format: Format,
    /// Where in the file the policy lies, if not in the usual place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The algorithm that trained it, if that is known.
    pub algorithm: Option<Algorithm>,
    /// Width of the observation, of each hidden layer, and of the output.
    pub architecture: Vec<usize>,
    /// The function between the layers.
    pub activation: Activation,
    /// Who says so.
    pub activation_source: ActivationSource,
    /// How observations reach the network.
    pub observations: ObservationsAre,
    /// Bounds of the environment's actions, where they are vectors.
    pub action_bounds: Option<BoxSpace>,
    /// Bounds of the policy's own actions, where they are mapped to the environment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actions_rescaled_from: Option<BoxSpace>,
}

impl Summary {
    /// A policy in an environment that it fits.
    pub fn of(file: &PolicyFile, format: Format, environment: &EnvironmentSpec) -> Self {
        let policy = &file.policy;
        let inputs = policy.layers.first().map(|layer| layer.inputs);
        let outputs = policy.layers.iter().map(|layer| layer.outputs);
        let observed = &environment.observation_space;
        let rescaled = policy.spaces.rescaled_observations(observed).is_some();
        let action_bounds = match &environment.action_space {
            ActionSpace::Box(bounds) => Some(bounds.clone()),
            ActionSpace::Discrete { .. } => None,
        };
        Self {
            format,
            place: file.place.clone(),
            algorithm: file.algorithm,
            architecture: inputs.into_iter().chain(outputs).collect(),
            activation: policy.activation,
            activation_source: file.activation_source,
            observations: match (rescaled, policy.normalizer.is_some()) {
                (false, false) => ObservationsAre::Raw,
                (false, true) => ObservationsAre::Normalized,
                (true, false) => ObservationsAre::Rescaled,
                (true, true) => ObservationsAre::RescaledAndNormalized,
            },
            actions_rescaled_from: action_bounds
                .as_ref()
                .and_then(|bounds| policy.spaces.rescaled_actions(bounds)),
            action_bounds,
        }
    }
}
