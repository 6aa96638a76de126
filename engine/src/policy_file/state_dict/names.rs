//! What the names in an SB3 state dict mean.

use crate::policy_file::Error;
use crate::policy_file::error::quote;

/// Which network of which algorithms a tensor belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// DQN's Q-network.
    Values,
    /// The policy half of A2C and PPO.
    ActorCritic,
    /// DDPG's actor, which TD3 shares.
    Actor,
}

/// A layer's place in its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// The number in PyTorch's `Sequential`.
    Hidden(usize),
    /// A layer that is named apart and comes last.
    Output,
}

/// A tensor of a dense layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Weight,
    Bias,
}

/// What a tensor is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Layer(Family, Place, Part),
    LogStd,
    /// Critics and target networks, which choose no actions.
    Ignored,
}

const SEQUENTIALS: [(&str, Family); 3] = [
    ("q_net.q_net.", Family::Values),
    ("mlp_extractor.policy_net.", Family::ActorCritic),
    ("actor.mu.", Family::Actor),
];

const IGNORED: [&str; 6] = [
    "q_net_target.q_net.",
    "actor_target.mu.",
    "critic.qf",
    "critic_target.qf",
    "mlp_extractor.value_net.",
    "value_net.",
];

/// Parts of names that tell which other kind of network this is. The first match counts.
const FOREIGN: [(&str, &str); 6] = [
    (
        "features_extractor",
        "it belongs to a features extractor with weights of its own (such as a CNN): only flat observations can be evaluated",
    ),
    (
        "mlp_extractor.shared_net",
        "it is shared between policy and value network, which Stable-Baselines3 dropped in 1.8: retrain with separate networks",
    ),
    ("lstm", "recurrent policies cannot be evaluated"),
    ("quantile_net", "QR-DQN is none of DQN, A2C, PPO and DDPG"),
    ("actor.latent_pi", "SAC is none of DQN, A2C, PPO and DDPG"),
    ("actor.log_std", "SAC is none of DQN, A2C, PPO and DDPG"),
];

/// What the tensor of this name is for. A name that no plain policy has is an error: what is not
/// understood would otherwise silently be left out of the network.
pub(super) fn classify(name: &str) -> Result<Role, Error> {
    let foreign = FOREIGN.iter().find(|(part, _)| name.contains(part));
    if let Some(&(_, advice)) = foreign {
        return Err(Error::Unsupported {
            found: format!("the policy has the tensor {}", quote(name)),
            advice,
        });
    }
    let role = match name {
        "log_std" => Some(Role::LogStd),
        "action_net.weight" => Some(Role::Layer(
            Family::ActorCritic,
            Place::Output,
            Part::Weight,
        )),
        "action_net.bias" => Some(Role::Layer(Family::ActorCritic, Place::Output, Part::Bias)),
        _ if IGNORED.iter().any(|prefix| name.starts_with(prefix)) => Some(Role::Ignored),
        _ => SEQUENTIALS.iter().find_map(|&(prefix, family)| {
            let (number, part) = name.strip_prefix(prefix)?.split_once('.')?;
            Some(Role::Layer(
                family,
                Place::Hidden(layer_number(number)?),
                part_named(part)?,
            ))
        }),
    };
    role.ok_or_else(|| Error::Unsupported {
        found: format!("the policy has the tensor {}", quote(name)),
        advice: "a plain multilayer perceptron of DQN, A2C, PPO or DDPG has no such tensor",
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
        _ => None,
    }
}
