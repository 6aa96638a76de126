//! Compares a job's results with their baselines, all at once, because evidence is adjusted for
//! their number.

use std::sync::Arc;

use futures_util::future::try_join_all;
use tars_engine::regression::{self, Candidate, Thresholds};
use tars_shared::baseline::Baseline;
use tars_shared::job::EnvironmentResult;
use tars_shared::metrics::Metrics;
use tars_shared::request::Parameters;
use tars_shared::store::{BestBaseline, Comparison, Error};
use tars_shared::submission::Submission;

use crate::baselines::Baselines;
use crate::early_stop;

/// What each result is compared with, in order; `None` where no comparison was asked for or no
/// baseline is known.
///
/// It is the best baseline at the time of submission, so that every attempt meets the same.
pub(crate) async fn baselines(
    known: &Baselines,
    submission: &Submission,
    results: &[EnvironmentResult],
) -> Result<Vec<Option<Arc<Baseline>>>, Error> {
    let asked = results
        .iter()
        .map(|result| baseline(known, submission, &result.environment));
    try_join_all(asked).await
}

/// What one environment is compared with.
pub(crate) async fn baseline(
    known: &Baselines,
    submission: &Submission,
    environment: &str,
) -> Result<Option<Arc<Baseline>>, Error> {
    let parameters = &submission.request.parameters;
    if !parameters.compare_to_baseline {
        return Ok(None);
    }
    let question = BestBaseline {
        agent_type: parameters.agent_type,
        environment: environment.to_owned(),
        as_of: submission.submitted_at,
    };
    known.best(question).await
}

/// The comparison of each result with its baseline.
pub(crate) fn compare(
    parameters: &Parameters,
    results: &[EnvironmentResult],
    baselines: Vec<Option<Arc<Baseline>>>,
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
            stopping: early_stop::stopping(parameters, &result.environment),
        });
    }
    let judged = if parameters.detect_regressions {
        regression::judge(&candidates, thresholds)
    } else {
        Vec::new()
    };
    let mut judged = judged.into_iter();
    let mut compared = |baseline: Arc<Baseline>| Comparison {
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
