//! The entry `data` of a Stable-Baselines3 save: JSON that describes the algorithm and its policy.
//!
//! Many of its values are pickles in base64. Those are never decoded: readable strings stand beside
//! each, such as the class of the activation function, and that is all that is needed.

mod class;
mod scalar;

use serde::Deserialize;
use serde::de::IgnoredAny;

use self::class::PolicyClass;
use self::scalar::Scalar;
use super::algorithm::Algorithm;
use super::declared::{Class, Declared, DeclaredActivation};
use super::error::Error;
use super::python_json;
use crate::policy::{Activation, Spaces};
use crate::quote::quote;
use crate::space::BoxSpace;

/// Defaults of the library's constructors, which hold where `policy_kwargs` is silent. They are the
/// same in every release since 1.0.
mod defaults {
    pub(super) const CLIP_MEAN: f32 = 2.0;
    pub(super) const N_QUANTILES: usize = 200;
    pub(super) const BATCH_NORM_EPS: f64 = 0.001;
}

/// The few fields that matter. The rest is skipped.
#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    policy_class: Option<PolicyClass>,
    #[serde(default)]
    policy_kwargs: Option<PolicyKwargs>,
    observation_space: Option<Space>,
    action_space: Option<Space>,
    exploration_rate: Option<f64>,
    // Which of the algorithms that share a policy class it was.
    clip_range: Option<IgnoredAny>,
    cg_max_steps: Option<IgnoredAny>,
    normalize_advantage: Option<IgnoredAny>,
    policy_delay: Option<f64>,
    target_noise_clip: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PolicyKwargs {
    activation_fn: Option<String>,
    features_extractor_class: Option<String>,
    squash_output: Scalar,
    n_quantiles: Scalar,
    clip_mean: Scalar,
    use_expln: Scalar,
    batch_norm_eps: Scalar,
}

#[derive(Deserialize)]
struct Space {
    /// Such as `<class 'gymnasium.spaces.box.Box'>`.
    #[serde(rename = ":type:")]
    class: String,
    /// NumPy's text of the array, such as `[-1. -1. -8.]`.
    low: Option<String>,
    high: Option<String>,
    #[serde(default)]
    start: Scalar,
}

/// What the entry says.
pub(super) fn read(data: &[u8]) -> Result<Declared, Error> {
    let data: Data =
        serde_json::from_slice(&python_json::standard(data)).map_err(|error| Error::Json {
            file: "the entry data of the Stable-Baselines3 save",
            reason: error.to_string(),
        })?;
    expect_space("observations", data.observation_space.as_ref(), &["Box"])?;
    expect_space("actions", data.action_space.as_ref(), &["Box", "Discrete"])?;
    let algorithm = data.algorithm();
    let class = data.policy_class.unwrap_or_default();
    let kwargs = data.policy_kwargs.unwrap_or_default();
    if let Some(extractor) = &kwargs.features_extractor_class
        && extractor != "<class 'stable_baselines3.common.torch_layers.FlattenExtractor'>"
    {
        return Err(Error::Unsupported {
            found: format!("the policy has the features extractor {}", quote(extractor)),
            advice: "only FlattenExtractor, the default of MlpPolicy, can be evaluated",
        });
    }
    let squashes_by_default = match algorithm {
        Some(Algorithm::Ars) => !class.is_called("ARSLinearPolicy"),
        _ => false,
    };
    Ok(Declared {
        activation: kwargs
            .activation_fn
            .as_deref()
            .map_or(DeclaredActivation::Nothing, activation),
        exploration_rate: data.exploration_rate,
        squash_output: Some(kwargs.squash_output.flag().unwrap_or(squashes_by_default)),
        is_discrete: data
            .action_space
            .as_ref()
            .map(|space| last_name(&space.class) == "Discrete"),
        n_quantiles: Some(kwargs.n_quantiles.count().unwrap_or(defaults::N_QUANTILES)),
        clip_mean: Some(kwargs.clip_mean.single().unwrap_or(defaults::CLIP_MEAN)),
        use_expln: kwargs.use_expln.flag().unwrap_or(false),
        batch_norm_eps: Some(
            kwargs
                .batch_norm_eps
                .number()
                .unwrap_or(defaults::BATCH_NORM_EPS),
        ),
        spaces: Spaces {
            observations: bounds("observation_space", data.observation_space.as_ref())?,
            actions: bounds("action_space", data.action_space.as_ref())?,
            ..Spaces::default()
        },
        normalizer: None,
        algorithm,
        class: Class::from(class),
    })
}

impl Data {
    /// The module of the policy class tells, and for those that share one, the fields that only one
    /// algorithm has.
    fn algorithm(&self) -> Option<Algorithm> {
        let module = self.policy_class.as_ref()?.module.as_deref()?;
        match module {
            "stable_baselines3.dqn.policies" => Some(Algorithm::Dqn),
            "stable_baselines3.sac.policies" => Some(Algorithm::Sac),
            "stable_baselines3.td3.policies" => Some(self.td3_or_ddpg()),
            "sb3_contrib.tqc.policies" => Some(Algorithm::Tqc),
            "sb3_contrib.qrdqn.policies" => Some(Algorithm::QrDqn),
            "sb3_contrib.ars.policies" => Some(Algorithm::Ars),
            "sb3_contrib.crossq.policies" => Some(Algorithm::CrossQ),
            "sb3_contrib.common.maskable.policies" => Some(Algorithm::MaskablePpo),
            _ if self.cg_max_steps.is_some() => Some(Algorithm::Trpo),
            _ if self.clip_range.is_some() => Some(Algorithm::Ppo),
            "stable_baselines3.common.policies" if self.normalize_advantage.is_some() => {
                Some(Algorithm::A2c)
            }
            _ => None,
        }
    }

    /// SB3's DDPG is its TD3 without delay and noise.
    fn td3_or_ddpg(&self) -> Algorithm {
        match (self.policy_delay, self.target_noise_clip) {
            (Some(delay), Some(clip)) if delay <= 1.0 && clip <= 0.0 => Algorithm::Ddpg,
            _ => Algorithm::Td3,
        }
    }
}

/// Other spaces than these come with the same tensors but other arithmetic around them: one-hot
/// encoding, several discrete actions at a time, actions that are not counted from 0.
fn expect_space(what: &str, space: Option<&Space>, accepted: &[&str]) -> Result<(), Error> {
    let Some(space) = space else { return Ok(()) };
    let name = last_name(&space.class);
    let advice = if !accepted.contains(&name) {
        "only Box observations and Box or Discrete actions can be evaluated"
    } else if name == "Discrete" && space.start.number().is_some_and(|start| start != 0.0) {
        "only Discrete actions that are counted from 0 can be evaluated"
    } else {
        return Ok(());
    };
    Err(Error::Unsupported {
        found: format!("the {what} are of {}", quote(&space.class)),
        advice,
    })
}

/// Accepts torch's own classes alone: the last name says nothing about what a class computes.
fn activation(class: &str) -> DeclaredActivation {
    let known = class
        .strip_prefix("<class '")
        .and_then(|rest| rest.strip_suffix("'>"))
        .and_then(|path| path.rsplit_once('.'))
        .and_then(|(module, name)| {
            let mut all = Activation::ALL.into_iter();
            all.find(|activation| activation.is_class(module, name))
        });
    known.map_or_else(
        || DeclaredActivation::Foreign(quote(class)),
        DeclaredActivation::Known,
    )
}

/// The bounds of a box; `None` where there are none, or more than NumPy prints.
fn bounds(what: &str, space: Option<&Space>) -> Result<Option<BoxSpace>, Error> {
    let Some(Space {
        low: Some(low),
        high: Some(high),
        ..
    }) = space
    else {
        return Ok(None);
    };
    if low.contains("...") || high.contains("...") {
        return Ok(None);
    }
    let numbers = |text: &str| -> Option<Vec<f32>> {
        let plain = text.replace(['[', ']', ','], " ");
        plain
            .split_whitespace()
            .map(|number| number.parse().ok())
            .collect()
    };
    match (numbers(low), numbers(high)) {
        (Some(low), Some(high)) if low.len() == high.len() => Ok(Some(BoxSpace { low, high })),
        _ => Err(Error::Json {
            file: "the entry data of the Stable-Baselines3 save",
            reason: format!("{what} has the bounds {} and {}", quote(low), quote(high)),
        }),
    }
}

/// `Box` of `<class 'gymnasium.spaces.box.Box'>`.
fn last_name(class: &str) -> &str {
    let path = class.trim_start_matches("<class '").trim_end_matches("'>");
    path.rsplit('.').next().unwrap_or(path)
}
