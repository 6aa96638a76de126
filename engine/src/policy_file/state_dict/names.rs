//! What the names in a state dict mean: Stable-Baselines3's, its contrib package's and CleanRL's.

use std::borrow::Cow;

use crate::policy_file::error::Error;
use crate::quote::quote;

/// A network, or a part of one, that chooses actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Network {
    /// DQN's Q-network.
    Values,
    /// QR-DQN's network of quantiles.
    Quantiles,
    /// Layers before those of the policy and of the value function (SB3 before 1.8).
    Shared,
    /// Hidden layers of an actor-critic's policy.
    Policy,
    /// The last layer of an actor-critic's policy, or all of ARS's.
    Action,
    /// Hidden layers of SAC's actor.
    Latent,
    /// The mean of SAC's actor, or all of TD3's.
    Mean,
    /// The deviations of SAC's actor.
    LogStd,
    /// CleanRL's Q-network.
    CleanValues,
    /// CleanRL's policy for discrete actions.
    CleanLogits,
    /// CleanRL's policy for continuous actions.
    CleanMean,
    /// Hidden layers of CleanRL's DDPG, TD3 and SAC.
    CleanHidden,
    /// The last layer of CleanRL's DDPG and TD3.
    CleanActor,
    /// The last layer of CleanRL's SAC.
    CleanSquashedMean,
    /// The deviations of CleanRL's SAC.
    CleanLogStd,
}

/// A tensor of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Weight,
    Bias,
    /// Of batch normalisation.
    RunningMean,
    /// Of batch normalisation.
    RunningVar,
    /// Of batch normalisation.
    Scale,
}

/// A tensor that belongs to no layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Vector {
    /// The deviations of an actor-critic's policy.
    LogStd,
    /// gSDE's deviations in SAC's actor.
    ActorLogStd,
    /// CleanRL's deviations.
    CleanLogStd,
    /// Half the width of CleanRL's action space.
    ActionScale,
    /// The middle of CleanRL's action space.
    ActionBias,
}

/// What a tensor is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A layer's tensor. The number is the layer's in PyTorch's `Sequential`.
    Layer(Network, Option<usize>, Part),
    Vector(Vector),
    /// Critics, target networks and counters, which choose no actions.
    Ignored,
}

/// The first match counts.
const NETWORKS: [(&str, Network); 13] = [
    ("q_net.q_net.", Network::Values),
    ("quantile_net.quantile_net.", Network::Quantiles),
    ("mlp_extractor.shared_net.", Network::Shared),
    ("mlp_extractor.policy_net.", Network::Policy),
    ("action_net.", Network::Action),
    ("actor.latent_pi.", Network::Latent),
    ("actor.mu.", Network::Mean),
    ("actor.log_std.", Network::LogStd),
    ("network.", Network::CleanValues),
    ("q_network.network.", Network::CleanValues),
    ("q_network.", Network::CleanValues),
    ("actor_mean.", Network::CleanMean),
    ("actor.", Network::CleanLogits),
];

/// Layers that have names of their own, as if they stood in a `Sequential`.
const NAMED_LAYERS: [(&str, Network, Option<usize>); 5] = [
    ("fc1.", Network::CleanHidden, Some(0)),
    ("fc2.", Network::CleanHidden, Some(2)),
    ("fc_mu.", Network::CleanActor, None),
    ("fc_mean.", Network::CleanSquashedMean, None),
    ("fc_logstd.", Network::CleanLogStd, None),
];

const VECTORS: [(&str, Vector); 5] = [
    ("log_std", Vector::LogStd),
    ("actor.log_std", Vector::ActorLogStd),
    ("actor_logstd", Vector::CleanLogStd),
    ("action_scale", Vector::ActionScale),
    ("action_bias", Vector::ActionBias),
];

const IGNORED: [&str; 7] = [
    "q_net_target.",
    "quantile_net_target.",
    "actor_target.",
    "critic.",
    "critic_target.",
    "mlp_extractor.value_net.",
    "value_net.",
];

/// Parts of names that tell which other kind of network this is. The first match counts.
const FOREIGN: [(&str, &str); 2] = [
    (
        "features_extractor",
        "it belongs to a features extractor with weights of its own (such as a CNN): only \
         flat observations can be evaluated",
    ),
    ("lstm", "recurrent policies cannot be evaluated"),
];

/// What torch.compile puts before the names of what it compiled.
const COMPILED: &str = "_orig_mod.";

/// The name without the marks of torch.compile.
pub(super) fn plain(name: &str) -> Cow<'_, str> {
    if name.contains(COMPILED) {
        name.replace(COMPILED, "").into()
    } else {
        name.into()
    }
}

/// What the tensor of this plain name is for. A name that no plain policy has is an error: what is
/// not understood would otherwise silently be left out of the network.
pub(super) fn classify(name: &str) -> Result<Role, Error> {
    let foreign = FOREIGN.iter().find(|(part, _)| name.contains(part));
    if let Some(&(_, advice)) = foreign {
        return Err(Error::Unsupported {
            found: format!("the policy has the tensor {}", quote(name)),
            advice,
        });
    }
    if IGNORED.iter().any(|prefix| name.starts_with(prefix)) {
        return Ok(Role::Ignored);
    }
    let vector = VECTORS.iter().find(|(known, _)| name == *known);
    let role = match vector {
        Some(&(_, vector)) => Some(Role::Vector(vector)),
        None => layer(name),
    };
    role.ok_or_else(|| Error::Unsupported {
        found: format!("the policy has the tensor {}", quote(name)),
        advice: "a plain multilayer perceptron of Stable-Baselines3 or CleanRL has no such tensor",
    })
}

fn layer(name: &str) -> Option<Role> {
    let named = NAMED_LAYERS.iter().find_map(|&(prefix, network, number)| {
        let part = part_named(name.strip_prefix(prefix)?)?;
        Some(Role::Layer(network, number, part))
    });
    named.or_else(|| {
        let (rest, network) = NETWORKS
            .iter()
            .find_map(|&(prefix, network)| Some((name.strip_prefix(prefix)?, network)))?;
        let Some((number, part)) = rest.split_once('.') else {
            return Some(Role::Layer(network, None, part_named(rest)?));
        };
        let number = layer_number(number)?;
        if part == "steps" {
            return Some(Role::Ignored);
        }
        Some(Role::Layer(network, Some(number), part_named(part)?))
    })
}

/// A decimal number in its one canonical spelling, so that no two names mean the same layer.
fn layer_number(text: &str) -> Option<usize> {
    let number: usize = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn part_named(text: &str) -> Option<Part> {
    match text {
        "weight" => Some(Part::Weight),
        "bias" => Some(Part::Bias),
        "ra_mean" => Some(Part::RunningMean),
        "ra_var" => Some(Part::RunningVar),
        "scale" => Some(Part::Scale),
        _ => None,
    }
}
