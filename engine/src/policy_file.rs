//! Readers of policy files. They execute nothing and stay within fixed bounds, whatever the bytes
//! are.
//!
//! | format | what it is | read by |
//! |---|---|---|
//! | `sb3-zip` | Stable-Baselines3's `model.save()`, 1.0 and later | zip, a restricted pickle reader |
//! | `safetensors` | the state dict of an SB3 policy | names and shapes of its tensors |
//! | `mlp-json` | our own small JSON, described [below](#mlp-json) | serde |
//!
//! What cannot be evaluated exactly (a CNN, a recurrent network, another activation, several
//! actions at a time) is refused by name instead of being approximated.
//!
//! # mlp-json
//!
#![doc = include_str!("policy_file/mlp_json.md")]

mod algorithm;
mod archive;
mod error;
mod format;
mod limits;
mod mlp_json;
mod network;
mod pickle;
mod safetensors;
mod sb3_zip;
mod state_dict;
mod torch;
mod vec_normalize;

pub use algorithm::Algorithm;
pub use error::Error;
pub use format::Format;
pub use limits::MAX_FILE_BYTES;

use crate::policy::{Activation, Head, Normalizer, Policy};

/// What a policy file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyFile {
    /// The policy.
    pub policy: Policy,
    /// The algorithm that trained it, where it was given or the file tells: A2C and PPO have the
    /// same tensors.
    pub algorithm: Option<Algorithm>,
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

    /// Checks the algorithm that a request or a file names against what the network is.
    fn confirmed_as(self, given: Option<Algorithm>) -> Result<Self, Error> {
        let Some(given) = given else { return Ok(self) };
        let (fits, found) = match self.policy.head {
            Head::Values { .. } => (
                given == Algorithm::Dqn,
                "the policy is a Q-network, as DQN trains it",
            ),
            Head::Logits | Head::Gaussian { .. } => (
                matches!(given, Algorithm::A2c | Algorithm::Ppo),
                "the policy is an actor-critic's, as A2C and PPO train it",
            ),
            Head::Squashed => (
                given == Algorithm::Ddpg,
                "the policy is a deterministic actor, as DDPG trains it",
            ),
        };
        if !fits {
            return Err(Error::AlgorithmMismatch { given, found });
        }
        Ok(Self {
            algorithm: Some(given),
            ..self
        })
    }
}

/// Reads a policy. `algorithm` is what the request says; a file that holds another algorithm's
/// policy is refused.
///
/// The policy's layers chain, have at least one input and output each, and all its numbers are
/// finite.
pub fn read(
    format: Format,
    algorithm: Option<Algorithm>,
    bytes: &[u8],
) -> Result<PolicyFile, Error> {
    expect_size("the policy file", bytes)?;
    let file = match format {
        Format::Sb3Zip => sb3_zip::read(bytes)?,
        Format::Safetensors => safetensors::read(bytes)?,
        Format::MlpJson => mlp_json::read(bytes)?,
    };
    file.confirmed_as(algorithm)
}

/// Reads what SB3's `VecNormalize.save()` wrote: the statistics of observations, or `None` where
/// the file says that observations are not normalised (`norm_obs=False`). Attach them with
/// [`PolicyFile::normalized_by`].
pub fn read_vec_normalize(bytes: &[u8]) -> Result<Option<Normalizer>, Error> {
    expect_size("the VecNormalize file", bytes)?;
    vec_normalize::read(bytes)
}

fn expect_size(what: &str, bytes: &[u8]) -> Result<(), Error> {
    if bytes.len() <= MAX_FILE_BYTES {
        return Ok(());
    }
    Err(Error::TooLarge {
        what: what.to_owned(),
        limit: MAX_FILE_BYTES as u64,
        unit: "bytes",
    })
}

/// The activation of this name in a file of ours.
fn activation_named(text: &str) -> Result<Activation, Error> {
    match text {
        "tanh" => Ok(Activation::Tanh),
        "relu" => Ok(Activation::Relu),
        _ => Err(Error::Unsupported {
            found: format!("the activation is {}", error::quote(text)),
            advice: "only tanh and relu can be evaluated",
        }),
    }
}
