//! A job's results beside the baselines that they were compared with.

use serde::Serialize;
use tars_engine::policy_file::Algorithm;
use tars_engine::regression::{self, Regression};
use tars_shared::baseline::Baseline;
use tars_shared::job::EnvironmentResult;

use crate::client::{Connection, Job};
use crate::render::Palette;
use crate::render::evaluation::{Evaluation, overall};

/// A block per finished environment, and the verdict over all of them.
pub(super) async fn text(
    client: &Connection,
    job: &Job,
    palette: Palette,
) -> anyhow::Result<String> {
    let mut text = String::new();
    let results = job.results.as_deref().unwrap_or_default();
    for result in results {
        let baseline = baseline(client, job.agent_type, result).await?;
        let evaluation = Evaluation {
            environment: &result.environment,
            policy: result.policy.as_ref(),
            metrics: &result.metrics,
            episodes: &result.episodes,
            baseline: baseline.as_ref(),
            regression: result.regression.as_ref(),
        };
        text += "\n";
        let aside = result
            .reused_from
            .map(|job| format!(", as job {job} evaluated it"))
            .unwrap_or_default();
        text += &evaluation.write(&aside, palette);
    }
    let judged: Vec<Regression> = results
        .iter()
        .filter_map(|result| result.regression.clone())
        .collect();
    if judged.len() > 1 {
        text += "\n";
        text += &overall(&judged, palette);
    }
    Ok(text)
}

/// The baseline that the result names, if it is still there.
async fn baseline(
    client: &Connection,
    agent_type: Algorithm,
    result: &EnvironmentResult,
) -> anyhow::Result<Option<regression::Baseline>> {
    #[derive(Serialize)]
    struct Filter<'a> {
        agent_type: Algorithm,
        environment: &'a str,
    }
    let Some(id) = result.baseline_id else {
        return Ok(None);
    };
    let filter = Filter {
        agent_type,
        environment: &result.environment,
    };
    let known: Vec<Baseline> = tars_client::pages(client, "/v1/baselines", &filter, None)
        .await?
        .read()?;
    let named = |baseline: Baseline| (baseline.id == id).then_some(baseline.content.statistics);
    Ok(known.into_iter().find_map(named))
}
