//! What a file says about its policy beside the tensors.

use super::algorithm::Algorithm;
use crate::policy::{Activation, Normalizer, Spaces};

/// The class whose forward pass the tensors are meant for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Class {
    /// A class of Stable-Baselines3 or its contrib package, so its defaults are known.
    Library,
    /// Somebody else's. Its name is quoted for messages.
    Foreign(String),
    /// The file has a field for it and says nothing.
    #[default]
    Undeclared,
    /// A mere state dict: whoever evaluates it says what it is.
    StateDict,
}

/// The function between the layers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum DeclaredActivation {
    /// One that can be evaluated.
    Known(Activation),
    /// One that cannot. Its name is quoted for messages.
    Foreign(String),
    /// Nothing.
    #[default]
    Nothing,
}

/// Everything that a file says.
#[derive(Debug, Clone, Default)]
pub(super) struct Declared {
    pub(super) class: Class,
    pub(super) activation: DeclaredActivation,
    /// The algorithm, where the file says it.
    pub(super) algorithm: Option<Algorithm>,
    /// ε of a Q-network's exploration.
    pub(super) exploration_rate: Option<f64>,
    /// Whether tanh is applied after the last layer, where the tensors do not show it.
    pub(super) squash_output: Option<bool>,
    /// Whether actions are one of several, where the tensors do not tell.
    pub(super) is_discrete: Option<bool>,
    /// How many quantiles each action has in a QR-DQN.
    pub(super) n_quantiles: Option<usize>,
    /// The bound of the mean under gSDE; 0 means none.
    pub(super) clip_mean: Option<f32>,
    /// gSDE's deviations come from `expln` rather than `exp`.
    pub(super) use_expln: bool,
    /// ε of batch normalisation.
    pub(super) batch_norm_eps: Option<f64>,
    /// Statistics that every observation goes through first.
    pub(super) normalizer: Option<Normalizer>,
    /// The spaces that it was trained in.
    pub(super) spaces: Spaces,
}
