//! Whether a policy and an environment belong together.

use super::dense::Dense;
use super::head::Head;
use super::model::Policy;
use super::noise::Noise;
use super::normalizer::Normalizer;
use super::rescale;
use super::spaces::{DifferingObservations, Spaces, same};
use crate::catalogue::EnvironmentSpec;
use crate::space::{ActionSpace, BoxSpace};

/// Why a policy cannot act in an environment. Layers are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages name the fields")]
pub enum Misfit {
    /// There is no layer at all.
    #[error("the policy has no layers")]
    NoLayers,
    /// A layer's arrays are not as long as its shape says.
    #[error(
        "layer {layer} has {weights} weights and {biases} biases, which is not \
         {outputs} outputs of {inputs} inputs"
    )]
    LayerArrays {
        layer: usize,
        inputs: usize,
        outputs: usize,
        weights: usize,
        biases: usize,
    },
    /// Two neighbouring layers do not agree.
    #[error("layer {layer} gives {gives} values, layer {} takes {takes}", layer + 1)]
    LayerChain {
        layer: usize,
        gives: usize,
        takes: usize,
    },
    /// The observation has another size than the input layer.
    #[error("the policy takes observations of {takes} values, {environment} gives {gives}")]
    Observation {
        environment: String,
        takes: usize,
        gives: usize,
    },
    /// The normaliser's statistics have another size than the observation.
    #[error(
        "the normalizer has {mean} means and {var} variances, {environment} gives \
         observations of {gives} values"
    )]
    NormalizerLength {
        environment: String,
        mean: usize,
        var: usize,
        gives: usize,
    },
    /// The normaliser would divide by zero, take the root of a negative number, or clip to nothing.
    #[error("the normalizer needs a clip of at least 0 and variances above -epsilon")]
    NormalizerRange,
    /// Another number of discrete actions.
    #[error("the policy chooses among {gives} actions, {environment} has {takes}")]
    ActionCount {
        environment: String,
        gives: usize,
        takes: usize,
    },
    /// A vector of another length.
    #[error("the policy gives actions of {gives} values, {environment} takes {takes}")]
    ActionLength {
        environment: String,
        gives: usize,
        takes: usize,
    },
    /// A policy for discrete actions, an environment with a box.
    #[error(
        "the policy chooses among {gives} actions, {environment} takes a vector of {takes} values"
    )]
    DiscreteForBox {
        environment: String,
        gives: usize,
        takes: usize,
    },
    /// A policy for a box, an environment with discrete actions.
    #[error(
        "the policy gives a vector of {gives} values, {environment} takes one of {takes} actions"
    )]
    BoxForDiscrete {
        environment: String,
        gives: usize,
        takes: usize,
    },
    /// Actions in ±1 cannot be scaled to infinite bounds.
    #[error(
        "the policy scales its actions to the bounds, but {environment} has actions without bounds"
    )]
    Unbounded { environment: String },
    /// The policy saw other observations than the environment gives.
    #[error(
        "the policy was trained on observations within {trained}, {environment} gives them within \
         {gives}: it saw them through a wrapper. If that was RescaleObservation, give \
         --rescale-observations; if it changed nothing else, --raw-observations (in agent_state: \
         \"observations\": \"rescaled\" or \"raw\")"
    )]
    ObservationBounds {
        environment: String,
        trained: String,
        gives: String,
    },
    /// The policy gives other actions than the environment takes.
    #[error(
        "the policy was trained with actions within {trained}, {environment} takes them within \
         {takes}: if it was trained under RescaleAction, give --rescale-actions \
         (agent_state.rescale_actions)"
    )]
    ActionBounds {
        environment: String,
        trained: String,
        takes: String,
    },
    /// A map between these bounds does not exist.
    #[error("{what} cannot be rescaled from {from} to {to}: all bounds must be finite")]
    NotRescalable {
        what: &'static str,
        from: String,
        to: String,
    },
    /// `log_std` has another size than the action.
    #[error("the policy has {log_std} standard deviations for actions of {gives} values")]
    Deviations { log_std: usize, gives: usize },
    /// The file has no usable standard deviation, and actions were to be sampled.
    #[error(
        "the policy has no standard deviation to sample actions with; only its \
         deterministic actions are known"
    )]
    NotSampleable,
}

impl Policy {
    /// Checks every shape: the layers' own, the observation's, the normaliser's and the action's.
    pub fn fit(&self, environment: &EnvironmentSpec) -> Result<(), Misfit> {
        let (takes, outputs) = check_layers(&self.layers)?;
        let gives = environment.observation_space.dimensions();
        if takes != gives {
            let environment = environment.id.to_string();
            return Err(Misfit::Observation {
                environment,
                takes,
                gives,
            });
        }
        if let Some(normalizer) = &self.normalizer {
            check_normalizer(normalizer, environment)?;
        }
        self.check_head(outputs, environment)?;
        check_spaces(&self.spaces, environment)
    }

    /// Checks that sampled actions (`deterministic: false`) are possible at all.
    pub fn can_sample(&self) -> Result<(), Misfit> {
        match self.head {
            Head::Gaussian {
                noise: Noise::Unknown,
            }
            | Head::SquashedGaussian {
                noise: Noise::Unknown,
                ..
            } => Err(Misfit::NotSampleable),
            _ => Ok(()),
        }
    }

    fn check_head(&self, gives: usize, environment: &EnvironmentSpec) -> Result<(), Misfit> {
        let id = environment.id.to_string();
        match (&self.head, &environment.action_space) {
            (Head::Values { .. } | Head::Logits | Head::Scores, ActionSpace::Discrete { n }) => {
                check(gives == *n, || Misfit::ActionCount {
                    environment: id,
                    gives,
                    takes: *n,
                })
            }
            (Head::Values { .. } | Head::Logits | Head::Scores, ActionSpace::Box(space)) => {
                Err(Misfit::DiscreteForBox {
                    environment: id,
                    gives,
                    takes: space.dimensions(),
                })
            }
            (_, ActionSpace::Discrete { n }) => Err(Misfit::BoxForDiscrete {
                environment: id,
                gives,
                takes: *n,
            }),
            (Head::Action, ActionSpace::Box(space)) => check_length(gives, space, &id),
            (Head::Gaussian { noise }, ActionSpace::Box(space)) => {
                check_length(gives, space, &id)?;
                self.check_noise(noise, gives)
            }
            (Head::SquashedGaussian { noise, .. }, ActionSpace::Box(space)) => {
                check_length(gives, space, &id)?;
                self.check_noise(noise, gives)?;
                check_bounded(space, id)
            }
            (Head::Squashed, ActionSpace::Box(space)) => {
                check_length(gives, space, &id)?;
                check_bounded(space, id)
            }
        }
    }

    /// As many deviations as actions, from as many features as the last layer takes.
    fn check_noise(&self, noise: &Noise, gives: usize) -> Result<(), Misfit> {
        let features = self.layers.last().map_or(0, |layer| layer.inputs);
        let (deviations, fits) = match noise {
            Noise::Unknown => return Ok(()),
            Noise::Constant { log_std } => (log_std.len(), true),
            Noise::Layer(layer) => {
                let arrays = layer.weight.len() == layer.inputs * layer.outputs
                    && layer.bias.len() == layer.outputs;
                (layer.outputs, arrays && layer.inputs == features)
            }
            Noise::StateDependent { std } => (gives, std.len() == features * gives),
        };
        check(fits && deviations == gives, || Misfit::Deviations {
            log_std: deviations,
            gives,
        })
    }
}

fn check_bounded(space: &BoxSpace, environment: String) -> Result<(), Misfit> {
    let mut bounds = space.low.iter().chain(&space.high);
    check(bounds.all(|bound| bound.is_finite()), || {
        Misfit::Unbounded { environment }
    })
}

fn check(holds: bool, misfit: impl FnOnce() -> Misfit) -> Result<(), Misfit> {
    if holds { Ok(()) } else { Err(misfit()) }
}

fn check_length(gives: usize, space: &BoxSpace, environment: &str) -> Result<(), Misfit> {
    check(gives == space.dimensions(), || Misfit::ActionLength {
        environment: environment.to_owned(),
        gives,
        takes: space.dimensions(),
    })
}

/// Returns how many values the first layer takes and the last one gives.
fn check_layers(layers: &[Dense]) -> Result<(usize, usize), Misfit> {
    for (index, layer) in layers.iter().enumerate() {
        let agrees = layer.inputs.checked_mul(layer.outputs) == Some(layer.weight.len())
            && layer.outputs == layer.bias.len();
        check(agrees, || Misfit::LayerArrays {
            layer: index + 1,
            inputs: layer.inputs,
            outputs: layer.outputs,
            weights: layer.weight.len(),
            biases: layer.bias.len(),
        })?;
    }
    for (index, pair) in layers.windows(2).enumerate() {
        check(pair[0].outputs == pair[1].inputs, || Misfit::LayerChain {
            layer: index + 1,
            gives: pair[0].outputs,
            takes: pair[1].inputs,
        })?;
    }
    match layers {
        [] => Err(Misfit::NoLayers),
        [first, ..] => Ok((first.inputs, layers[layers.len() - 1].outputs)),
    }
}

fn check_normalizer(normalizer: &Normalizer, environment: &EnvironmentSpec) -> Result<(), Misfit> {
    let gives = environment.observation_space.dimensions();
    let (mean, var) = (normalizer.mean.len(), normalizer.var.len());
    check(mean == gives && var == gives, || Misfit::NormalizerLength {
        environment: environment.id.to_string(),
        mean,
        var,
        gives,
    })?;
    let positive = normalizer
        .var
        .iter()
        .all(|var| var + normalizer.epsilon > 0.0);
    check(positive && normalizer.clip >= 0.0, || {
        Misfit::NormalizerRange
    })
}

/// Whether the bounds are the environment's, or an option says what to do with them.
fn check_spaces(spaces: &Spaces, environment: &EnvironmentSpec) -> Result<(), Misfit> {
    let id = || environment.id.to_string();
    let observed = &environment.observation_space;
    match (&spaces.observations, spaces.differing_observations) {
        (Some(trained), DifferingObservations::Refuse) if !same(trained, observed) => {
            return Err(Misfit::ObservationBounds {
                environment: id(),
                trained: trained.to_string(),
                gives: observed.to_string(),
            });
        }
        (Some(trained), DifferingObservations::Rescale)
            if !same(trained, observed) && !rescale::is_possible(observed, trained) =>
        {
            return Err(Misfit::NotRescalable {
                what: "observations",
                from: observed.to_string(),
                to: trained.to_string(),
            });
        }
        _ => {}
    }
    let ActionSpace::Box(taken) = &environment.action_space else {
        return Ok(());
    };
    if let Some(trained) = spaces.rescaled_actions(taken) {
        return if rescale::is_possible(taken, &trained) {
            Ok(())
        } else {
            Err(Misfit::NotRescalable {
                what: "actions",
                from: trained.to_string(),
                to: taken.to_string(),
            })
        };
    }
    match &spaces.actions {
        Some(trained) if !same(trained, taken) => Err(Misfit::ActionBounds {
            environment: id(),
            trained: trained.to_string(),
            takes: taken.to_string(),
        }),
        _ => Ok(()),
    }
}
