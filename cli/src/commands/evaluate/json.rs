//! The results for programs, which are a baseline for the next evaluation, too.

use anyhow::Context as _;
use serde::Serialize;
use tars_engine::regression::{self, Regression};
use tars_shared::job::EnvironmentResult;

use super::agent::Agent;
use super::reference::Reference;
use super::rolling::Rolled;

/// One environment of the output.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    result: EnvironmentResult,
    baseline: Option<ReportedBaseline>,
    /// What is probably not meant.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: Vec<String>,
}

/// A baseline without its returns.
#[derive(Serialize)]
struct ReportedBaseline {
    source: String,
    #[serde(flatten)]
    statistics: regression::Baseline,
}

/// A JSON array with an object per environment, in one line.
pub(super) fn write(
    agent: &Agent,
    rolled: Vec<Rolled>,
    references: Option<Vec<Reference>>,
    judged: &[Regression],
) -> anyhow::Result<String> {
    let mut references = references.into_iter().flatten();
    let mut judged = judged.iter().cloned();
    let report = |rolled: Rolled| {
        let reference = references.next();
        Report {
            warnings: agent.warnings.clone(),
            result: EnvironmentResult {
                policy: agent.evaluated(&rolled.environment),
                environment: rolled.environment,
                metrics: rolled.metrics,
                regression: judged.next(),
                baseline_id: reference.as_ref().and_then(|reference| reference.id),
                episodes: rolled.episodes,
                stopped_early: rolled.stopped_early,
                reused_from: None,
            },
            baseline: reference.map(|reference| ReportedBaseline {
                source: reference.source,
                statistics: regression::Baseline {
                    returns: None,
                    ..reference.statistics
                },
            }),
        }
    };
    let reports: Vec<Report> = rolled.into_iter().map(report).collect();
    let mut text = serde_json::to_string(&reports).context("cannot write the results as JSON")?;
    text.push('\n');
    Ok(text)
}
