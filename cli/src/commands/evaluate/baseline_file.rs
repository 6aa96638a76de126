//! Baselines from a file: what `tars evaluate --json` wrote, or what the service answers.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use serde::Deserialize;
use serde_json::Value;
use tars_engine::episode::Episode;
use tars_engine::metrics::Metrics;
use tars_engine::policy_file::Algorithm;
use tars_engine::regression::Baseline;
use uuid::Uuid;

use super::reference::Reference;
use super::returns::{Log, Which};
use crate::bounded_file;

/// A million episodes in a dozen environments stay below it.
const MAX_BYTES: usize = 64 << 20;

/// A file with one baseline or several.
pub(in crate::commands) struct BaselineFile {
    name: String,
    entries: Vec<Value>,
    /// A log of Stable-Baselines3 in place of entries, and what counts of it.
    log: Option<(Log, Which)>,
}

/// One environment of `tars evaluate --json`, or of a job's results.
#[derive(Deserialize)]
struct Evaluated {
    metrics: Metrics,
    episodes: Vec<Episode>,
    #[serde(default)]
    stopped_early: bool,
}

/// A baseline as the service shows it, or one written by hand with the statistics alone.
#[derive(Deserialize)]
struct Stored {
    id: Option<Uuid>,
    agent_type: Option<Algorithm>,
    #[serde(flatten)]
    statistics: Baseline,
}

impl BaselineFile {
    /// Reads a file with an array of baselines, an object with such an array under `items` or
    /// `results`, or one baseline; or what Stable-Baselines3 logged, of which the best evaluation
    /// counts.
    pub(in crate::commands) fn read(path: &Path) -> anyhow::Result<Self> {
        Self::read_evaluation(path, Which::Best)
    }

    /// The same; of an `evaluations.npz` this evaluation counts.
    pub(super) fn read_evaluation(path: &Path, which: Which) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let bytes = bounded_file::read(path, MAX_BYTES)?;
        if let Some(log) = Log::read(path, &bytes)? {
            return Ok(Self {
                name,
                entries: Vec::new(),
                log: Some((log, which)),
            });
        }
        let document: Value =
            serde_json::from_slice(&bytes).with_context(|| format!("{name} is not JSON"))?;
        let entries = match document {
            Value::Array(entries) => entries,
            Value::Object(mut object) => {
                match object.remove("items").or_else(|| object.remove("results")) {
                    Some(Value::Array(entries)) => entries,
                    Some(_) => bail!("{name}: items or results should be an array of baselines"),
                    None => vec![Value::Object(object)],
                }
            }
            _ => bail!("{name} should hold a baseline or an array of baselines"),
        };
        Ok(Self {
            name,
            entries,
            log: None,
        })
    }

    /// The best baseline of an environment, and of an algorithm if that is known on both sides.
    pub(in crate::commands) fn find(
        &self,
        environment: &str,
        agent: Option<Algorithm>,
    ) -> anyhow::Result<Reference> {
        if let Some((log, which)) = &self.log {
            return log.reference(&self.name, environment, *which);
        }
        let mut best: Option<Reference> = None;
        for (index, entry) in self.entries.iter().enumerate() {
            if environment_of(entry).is_some_and(|id| id != environment) {
                continue;
            }
            let place = || format!("{}: baseline {} ({environment})", self.name, index + 1);
            let (agent_type, reference) = self.parse(entry).with_context(place)?;
            let trained_otherwise =
                matches!((agent, agent_type), (Some(wanted), Some(found)) if wanted != found);
            let reward = |reference: &Reference| reference.statistics.mean_reward;
            if !trained_otherwise
                && best
                    .as_ref()
                    .is_none_or(|best| reward(&reference) > reward(best))
            {
                best = Some(reference);
            }
        }
        best.ok_or_else(|| self.nothing_fits(environment, agent))
    }

    fn parse(&self, entry: &Value) -> anyhow::Result<(Option<Algorithm>, Reference)> {
        let stored = if entry.get("episodes").is_some() {
            let evaluated = Evaluated::deserialize(entry)?;
            if evaluated.stopped_early {
                bail!(
                    "it stopped early, where its mean decided when: evaluate it without --stop for a baseline"
                );
            }
            Stored {
                id: None,
                agent_type: None,
                statistics: Baseline::of(&evaluated.metrics, &evaluated.episodes),
            }
        } else {
            Stored::deserialize(entry)?
        };
        stored.statistics.check()?;
        let reference = Reference {
            statistics: stored.statistics,
            id: stored.id,
            source: self.name.clone(),
        };
        Ok((stored.agent_type, reference))
    }

    fn nothing_fits(&self, environment: &str, agent: Option<Algorithm>) -> anyhow::Error {
        let name = &self.name;
        let of_agent = agent
            .map(|agent| format!(" for {agent}"))
            .unwrap_or_default();
        let mut known: Vec<&str> = self.entries.iter().filter_map(environment_of).collect();
        known.sort_unstable();
        known.dedup();
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        };
        anyhow!(
            "{name} has no baseline of {environment}{of_agent} (it has {known}): \
             make one with tars evaluate POLICY --env {environment} --json"
        )
    }
}

/// A baseline without an environment is one of any.
fn environment_of(entry: &Value) -> Option<&str> {
    entry.get("environment").and_then(Value::as_str)
}
