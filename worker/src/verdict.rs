//! Compares a job's results with their baselines, all at once, because evidence is adjusted for
//! their number.

use tars_engine::regression::{self, Candidate, Thresholds};
use tars_shared::baseline::Baseline;
use tars_shared::job::EnvironmentResult;
use tars_shared::metrics::Metrics;
use tars_shared::request::Parameters;
use tars_shared::services::Services;
use tars_shared::store::{Comparison, Error};
use tars_shared::submission::Submission;

/// What each result is compared with, in order; `None` where no comparison was asked for or no
/// baseline is known.
///
/// It is the best baseline at the time of submission, so that every attempt meets the same.
pub(crate) async fn baselines(
    services: &Services,
    submission: &Submission,
    results: &[EnvironmentResult],
) -> Result<Vec<Option<Baseline>>, Error> {
    let parameters = &submission.request.parameters;
    let mut baselines = Vec::with_capacity(results.len());
    for result in results {
        let store = &services.store.baselines;
        baselines.push(if parameters.compare_to_baseline {
            store
                .best(
                    parameters.agent_type,
                    &result.environment,
                    submission.submitted_at,
                )
                .await?
        } else {
            None
        });
    }
    Ok(baselines)
}

/// The comparison of each result with its baseline.
pub(crate) fn compare(
    parameters: &Parameters,
    results: &[EnvironmentResult],
    baselines: Vec<Option<Baseline>>,
    thresholds: &Thresholds,
) -> Vec<Option<Comparison>> {
    let mut candidates = Vec::with_capacity(results.len());
    for (result, baseline) in results.iter().zip(&baselines) {
        let Some(baseline) = baseline else { continue };
        candidates.push(Candidate {
            environment: &result.environment,
            episodes: &result.episodes,
            metrics: &result.metrics,
            baseline: &baseline.content.statistics,
            losses: &parameters.losses,
        });
    }
    let judged = if parameters.detect_regressions {
        regression::judge(&candidates, thresholds)
    } else {
        Vec::new()
    };
    let mut judged = judged.into_iter();
    let mut compared = |baseline: Baseline| Comparison {
        baseline_id: baseline.id,
        regression: judged.next(),
    };
    baselines
        .into_iter()
        .map(|baseline| baseline.map(&mut compared))
        .collect()
}

/// Counts the verdicts of a finished job.
pub(crate) fn count(metrics: &Metrics, comparisons: &[Option<Comparison>]) {
    for regression in comparisons
        .iter()
        .flatten()
        .filter_map(|comparison| comparison.regression.as_ref())
    {
        let labels = [regression.verdict.as_str(), regression.severity.as_str()];
        metrics.verdicts.with_label_values(&labels).inc();
    }
}
