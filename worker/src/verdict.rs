//! Compares a job's results with their baselines, all at once, because evidence is adjusted for their number.

use tars_engine::regression::{self, Candidate, Thresholds};
use tars_shared::baseline::Baseline;
use tars_shared::job::EnvironmentResult;
use tars_shared::metrics::Metrics;
use tars_shared::services::Services;
use tars_shared::store::{Comparison, Error};
use tars_shared::submission::Submission;

/// The comparison of each result, in order; `None` where none was asked for or no baseline is known.
///
/// The baseline is the best one at the time of submission, so that every attempt meets the same.
pub(crate) async fn compare(
    services: &Services,
    submission: &Submission,
    results: &[EnvironmentResult],
    thresholds: Thresholds,
) -> Result<Vec<Option<Comparison>>, Error> {
    let parameters = &submission.request.parameters;
    if !parameters.compare_to_baseline {
        return Ok(vec![None; results.len()]);
    }
    let mut baselines: Vec<Option<Baseline>> = Vec::with_capacity(results.len());
    for result in results {
        let store = &services.store.baselines;
        baselines.push(store.best(parameters.agent_type, &result.environment, submission.submitted_at).await?);
    }
    let candidates: Vec<_> = results
        .iter()
        .zip(&baselines)
        .filter_map(|(result, baseline)| {
            Some(Candidate {
                environment: &result.environment,
                episodes: &result.episodes,
                metrics: &result.metrics,
                baseline: &baseline.as_ref()?.content.statistics,
                losses: &parameters.losses,
            })
        })
        .collect();
    let judged = if parameters.detect_regressions { regression::judge(&candidates, &thresholds) } else { Vec::new() };
    let mut judged = judged.into_iter();
    Ok(baselines
        .into_iter()
        .map(|baseline| baseline.map(|baseline| Comparison { baseline_id: baseline.id, regression: judged.next() }))
        .collect())
}

/// Counts the verdicts of a finished job.
pub(crate) fn count(metrics: &Metrics, comparisons: &[Option<Comparison>]) {
    for regression in comparisons.iter().flatten().filter_map(|comparison| comparison.regression.as_ref()) {
        let labels = [regression.verdict.as_str(), regression.severity.as_str()];
        metrics.verdicts.with_label_values(&labels).inc();
    }
}
