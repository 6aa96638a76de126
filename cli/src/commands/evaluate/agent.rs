//! A policy file that is to be evaluated.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use tars_engine::catalogue;
use tars_engine::policy_file::{self, Format, Given, MAX_FILE_BYTES, PolicyFile};
use tars_engine::regression::Sequential;
use tars_engine::rollout::Plan;
use tars_shared::artifact::Digest;
use tars_shared::job::EvaluatedPolicy;

use crate::{bounded_file, policy_path};

use super::rolling::{self, Rolled};

/// A policy and where it comes from.
pub(super) struct Agent {
    /// The file's path, for messages.
    name: String,
    format: Format,
    sha256: Digest,
    file: PolicyFile,
    /// What is probably not meant, in sentences.
    pub(super) warnings: Vec<String>,
}

impl Agent {
    /// Reads a policy and the statistics of its `VecNormalize`.
    pub(super) fn read(
        path: &Path,
        format: Option<Format>,
        given: Given,
        vec_normalize: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let path = policy_path::find(path);
        let name = path.display().to_string();
        let bytes = bounded_file::read(&path, MAX_FILE_BYTES)?;
        let read = || {
            let format = format.map_or_else(|| policy_file::detect(&bytes), Ok)?;
            Ok::<_, policy_file::Error>((format, policy_file::read(format, &given, &bytes)?))
        };
        let (format, mut file) = read().with_context(|| name.clone())?;
        let mut warnings = Vec::new();
        match vec_normalize {
            Some(path) => file = normalize(file, path)?,
            None => warnings.extend(
                policy_path::forgotten_statistics(&path)
                    .filter(|_| file.policy.normalizer.is_none()),
            ),
        }
        Ok(Self {
            name,
            format,
            sha256: Digest::of(&bytes),
            file,
            warnings,
        })
    }

    /// What was read, for the result of an environment.
    pub(super) fn evaluated(&self, environment: &str) -> Option<EvaluatedPolicy> {
        EvaluatedPolicy::of(self.sha256, self.format, &self.file, environment)
    }

    /// Whether it can act in all of these environments, before the first of them costs any time.
    pub(super) fn check_fit(
        &self,
        environments: &[String],
        stochastic: bool,
    ) -> anyhow::Result<()> {
        let fit = || {
            for spec in environments.iter().filter_map(|id| catalogue::find(id)) {
                self.file.policy.fit(spec)?;
            }
            if stochastic {
                self.file.policy.can_sample()?;
            }
            Ok(())
        };
        fit().map_err(|misfit: tars_engine::policy::Misfit| anyhow!("{}: {misfit}", self.name))
    }

    /// Runs the episodes in one environment, until `rule` says that it is enough.
    pub(super) fn roll(
        &self,
        environment: &str,
        plan: &Plan,
        rule: Option<&Sequential<'_>>,
    ) -> anyhow::Result<Rolled> {
        rolling::roll(environment, &self.file.policy, plan, rule, &self.name)
            .with_context(|| self.name.clone())
    }

    /// Says on standard error what is probably not meant.
    pub(super) fn warn(&self) {
        for warning in &self.warnings {
            eprintln!("tars: warning: {warning}");
        }
    }

    /// The file's path.
    pub(super) fn name(&self) -> &str {
        &self.name
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
