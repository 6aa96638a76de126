//! What is said about a policy file beside the file, on the command line.

use tars_engine::policy::Activation;
use tars_shared::agent;

/// Options for policy files that leave something open.
#[derive(Debug, Clone, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own on the command line"
)]
pub(crate) struct PolicyOptions {
    /// The function between the layers, where POLICY does not say it: tanh, relu, elu, silu, …
    #[arg(long, value_name = "NAME")]
    activation: Option<Activation>,
    /// Read a policy class that is not Stable-Baselines3's as if it were
    ///
    /// Right where the class only chooses layers or the activation; wrong where it computes
    /// something of its own.
    #[arg(long)]
    trust_architecture: bool,
    /// Map actions from the policy's bounds to the environment's, as Gymnasium's `RescaleAction` does
    #[arg(long)]
    rescale_actions: bool,
    /// Map observations to the bounds that the policy was trained on, as Gymnasium's
    /// `RescaleObservation` does
    #[arg(long, conflicts_with = "raw_observations")]
    rescale_observations: bool,
    /// Give the policy the environment's own observations, though it was trained on others
    #[arg(long)]
    raw_observations: bool,
}

impl PolicyOptions {
    /// The same for requests and readers.
    pub(crate) fn options(&self) -> agent::PolicyOptions {
        agent::PolicyOptions {
            activation: self.activation,
            trust_architecture: self.trust_architecture,
            rescale_actions: self.rescale_actions,
            observations: if self.raw_observations {
                Some(agent::Observations::Raw)
            } else if self.rescale_observations {
                Some(agent::Observations::Rescaled)
            } else {
                None
            },
        }
    }
}
