//! Stable-Baselines3's `model.save()`: a zip with `data` (JSON) and `policy.pth` (a torch state
//! dict).
//!
//! Many values in `data` are pickles in base64. Those are never decoded: a readable string stands
//! beside each, such as the class of the activation function, and that is all that is needed.

use serde::Deserialize;

use super::archive::Archive;
use super::error::quote;
use super::state_dict::{self, Hints};
use super::{Error, PolicyFile, torch};
use crate::policy::Activation;

/// Reads a save of any of the four algorithms.
pub(super) fn read(bytes: &[u8]) -> Result<PolicyFile, Error> {
    let mut archive = Archive::open("the policy file", bytes)?;
    let data = archive.entry("data")?;
    let policy = archive
        .entry("policy.pth")?
        .ok_or(Error::MissingEntry("policy.pth"))?;
    let data = data.ok_or(Error::MissingEntry("data"))?;
    drop(archive);
    let hints = hints(&data)?;
    state_dict::recognise(&mut torch::StateDict::open(policy)?, &hints)
}

/// The few fields of `data` that matter. The rest is skipped.
#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    policy_kwargs: Option<PolicyKwargs>,
    observation_space: Option<Space>,
    action_space: Option<Space>,
    exploration_rate: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PolicyKwargs {
    activation_fn: Option<String>,
    features_extractor_class: Option<String>,
    squash_output: Option<bool>,
}

#[derive(Deserialize)]
struct Space {
    /// Such as `<class 'gymnasium.spaces.box.Box'>`.
    #[serde(rename = ":type:")]
    class: String,
}

fn hints(data: &[u8]) -> Result<Hints, Error> {
    let data: Data = serde_json::from_slice(data).map_err(|error| Error::Json {
        file: "the entry data of the Stable-Baselines3 save",
        reason: error.to_string(),
    })?;
    expect_space("observations", data.observation_space.as_ref(), &["Box"])?;
    expect_space("actions", data.action_space.as_ref(), &["Box", "Discrete"])?;
    let kwargs = data.policy_kwargs.unwrap_or_default();
    if let Some(class) = &kwargs.features_extractor_class
        && class_name(class) != "FlattenExtractor"
    {
        return Err(Error::Unsupported {
            found: format!("the policy has the features extractor {}", quote(class)),
            advice: "only FlattenExtractor, the default of MlpPolicy, can be evaluated",
        });
    }
    if kwargs.squash_output == Some(true) {
        return Err(Error::Unsupported {
            found: "the policy was trained with squash_output=True".to_owned(),
            advice: "only actions that are clipped can be evaluated",
        });
    }
    Ok(Hints {
        activation: kwargs
            .activation_fn
            .as_deref()
            .map(activation)
            .transpose()?,
        exploration_rate: data.exploration_rate,
    })
}

/// Other spaces than these come with the same tensors but other arithmetic around them: one-hot
/// encoding, several discrete actions at a time.
fn expect_space(what: &str, space: Option<&Space>, accepted: &[&str]) -> Result<(), Error> {
    match space {
        Some(space) if !accepted.contains(&class_name(&space.class)) => Err(Error::Unsupported {
            found: format!("the {what} are of {}", quote(&space.class)),
            advice: "only Box observations and Box or Discrete actions can be evaluated",
        }),
        _ => Ok(()),
    }
}

fn activation(class: &str) -> Result<Activation, Error> {
    match class_name(class) {
        "Tanh" => Ok(Activation::Tanh),
        "ReLU" => Ok(Activation::Relu),
        _ => Err(Error::Unsupported {
            found: format!("the activation function is {}", quote(class)),
            advice: "only Tanh and ReLU can be evaluated",
        }),
    }
}

/// `Tanh` of `<class 'torch.nn.modules.activation.Tanh'>`.
fn class_name(class: &str) -> &str {
    let path = class.trim_start_matches("<class '").trim_end_matches("'>");
    path.rsplit('.').next().unwrap_or(path)
}
