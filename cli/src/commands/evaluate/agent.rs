//! A policy file that is to be evaluated.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use tars_engine::catalogue;
use tars_engine::policy::{Activation, Policy};
use tars_engine::policy_file::{self, Algorithm, Format, MAX_FILE_BYTES, PolicyFile};
use tars_engine::rollout::Plan;

use crate::bounded_file;
use crate::show::{Ink, Palette};

use super::rolling::{self, Rolled};

/// A policy and where it comes from.
pub(super) struct Agent {
    /// The file's path, for messages.
    name: String,
    format: Format,
    algorithm: Option<Algorithm>,
    policy: Policy,
}

impl Agent {
    /// Reads a policy and the statistics of its `VecNormalize`.
    pub(super) fn read(
        path: &Path,
        format: Option<Format>,
        algorithm: Option<Algorithm>,
        vec_normalize: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let bytes = bounded_file::read(path, MAX_FILE_BYTES)?;
        let format = format.or_else(|| Format::detect(&bytes)).ok_or_else(|| {
            anyhow!("{name} is no policy file: it should be a Stable-Baselines3 .zip, safetensors or mlp-json")
        })?;
        let mut file =
            policy_file::read(format, algorithm, &bytes).with_context(|| name.clone())?;
        if let Some(path) = vec_normalize {
            file = normalize(file, path)?;
        }
        Ok(Self {
            name,
            format,
            algorithm: file.algorithm,
            policy: file.policy,
        })
    }

    /// Whether it can act in all of these environments, before the first of them costs any time.
    pub(super) fn check_fit(
        &self,
        environments: &[String],
        stochastic: bool,
    ) -> anyhow::Result<()> {
        let fit = || {
            for spec in environments.iter().filter_map(|id| catalogue::find(id)) {
                self.policy.fit(spec)?;
            }
            if stochastic {
                self.policy.can_sample()?;
            }
            Ok(())
        };
        fit().map_err(|misfit: tars_engine::policy::Misfit| anyhow!("{}: {misfit}", self.name))
    }

    /// Runs the episodes in one environment.
    pub(super) fn roll(&self, environment: &str, plan: &Plan) -> anyhow::Result<Rolled> {
        rolling::roll(environment, &self.policy, plan, &self.name)
            .with_context(|| self.name.clone())
    }

    /// The file, the algorithm and the network's shape in one line.
    pub(super) fn describe(&self, palette: Palette) -> String {
        let policy = &self.policy;
        let inputs = policy.layers.first().map(|layer| layer.inputs);
        let widths = inputs
            .into_iter()
            .chain(policy.layers.iter().map(|layer| layer.outputs));
        let widths: Vec<String> = widths.map(|width| width.to_string()).collect();
        let activation = match policy.activation {
            _ if policy.layers.len() < 2 => "linear",
            Activation::Tanh => "tanh",
            Activation::Relu => "relu",
        };
        let mut facts: Vec<String> = self.algorithm.iter().map(ToString::to_string).collect();
        facts.push(self.format.to_string());
        facts.push(format!("{} {activation}", widths.join("-")));
        if policy.normalizer.is_some() {
            facts.push("normalized observations".to_owned());
        }
        let name = palette.paint(Ink::Strong, &self.name);
        format!("{name}  {}", palette.paint(Ink::Faint, &facts.join(", ")))
    }
}

/// A file that says that observations are not normalised leaves the policy as it is.
fn normalize(file: PolicyFile, path: &Path) -> anyhow::Result<PolicyFile> {
    let bytes = bounded_file::read(path, MAX_FILE_BYTES)?;
    let read = || match policy_file::read_vec_normalize(&bytes)? {
        Some(normalizer) => file.normalized_by(normalizer),
        None => Ok(file),
    };
    read().with_context(|| path.display().to_string())
}
