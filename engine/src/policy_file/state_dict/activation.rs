//! Which function stands between the layers: what the file says, or what it is said to be.

use crate::policy::Activation;
use crate::policy_file::activation_source::ActivationSource;
use crate::policy_file::algorithm::Algorithm;
use crate::policy_file::declared::{Class, Declared, DeclaredActivation};
use crate::policy_file::error::Error;
use crate::policy_file::given::Given;

/// Decides among what the file declares and what is given beside it.
pub(super) fn decide(
    declared: &Declared,
    given: Given,
    algorithms: &[Algorithm],
    layers: usize,
) -> Result<(Activation, ActivationSource), Error> {
    if layers < 2 {
        return Ok((Activation::Identity, ActivationSource::NotNeeded));
    }
    match (&declared.activation, given.activation) {
        (DeclaredActivation::Known(said), Some(given)) if *said != given => {
            Err(Error::ActivationMismatch { said: *said, given })
        }
        (DeclaredActivation::Known(said), _) => Ok((*said, ActivationSource::File)),
        (_, Some(given)) => Ok((given, ActivationSource::Given)),
        (DeclaredActivation::Foreign(name), None) => {
            Err(Error::ForeignActivation { name: name.clone() })
        }
        (DeclaredActivation::Nothing, None) if declared.class == Class::Library => {
            Ok((default_of(algorithms), ActivationSource::LibraryDefault))
        }
        (DeclaredActivation::Nothing, None) => Err(Error::Unsaid {
            what: "the file does not say which activation function stands between the layers",
            advice: "give --activation (agent_state.activation); Stable-Baselines3's default is \
                     tanh for A2C, PPO and TRPO, and relu for the others",
        }),
    }
}

/// What the constructors of Stable-Baselines3's policies take where nothing is said.
fn default_of(algorithms: &[Algorithm]) -> Activation {
    match algorithms {
        [Algorithm::A2c, ..] => Activation::Tanh,
        _ => Activation::Relu,
    }
}
