//! Submits several evaluations at once and follows all of them.

use futures_util::future::try_join_all;
use tars_engine::regression::{Regression, Verdict};
use tars_shared::clock::{Clock as _, System};
use tars_shared::job::{EnvironmentResult, Status};
use tars_shared::request::body::Body;

use super::story::{Expected, Plan};
use crate::client::{Connection, Job, Progress, ProgressBars, Receipt};
use tars_client::follow;

/// What came of an evaluation.
pub(super) struct Outcome {
    pub(super) plan: &'static Plan,
    pub(super) job: Job,
}

impl Outcome {
    /// The result, unless the job failed.
    pub(super) fn result(&self) -> Option<&EnvironmentResult> {
        self.job.results.as_ref()?.first()
    }

    /// The comparison with the baseline, if there was one.
    pub(super) fn regression(&self) -> Option<&Regression> {
        self.result()?.regression.as_ref()
    }

    /// Whether the service said what it should say.
    pub(super) fn is_expected(&self) -> bool {
        let expected = match (self.job.status, self.job.verdict) {
            (Status::Completed, None) => Expected::Measurement,
            (Status::Completed, Some(Verdict::Pass)) => Expected::Pass,
            (Status::Completed, Some(Verdict::Regression)) => Expected::Regression,
            (Status::Completed, Some(Verdict::Inconclusive)) => Expected::Inconclusive,
            (Status::Failed, _) => Expected::Failure,
            (Status::Queued | Status::Running | Status::Cancelled, _) => return false,
        };
        expected == self.plan.expected
    }
}

/// Runs all of them at the same time.
pub(super) async fn run(
    client: &Connection,
    plans: &'static [Plan],
) -> anyhow::Result<Vec<Outcome>> {
    let width = plans
        .iter()
        .map(|plan| plan.name.chars().count())
        .max()
        .unwrap_or(0);
    let bars = ProgressBars::new(width);
    let following = plans.iter().map(|plan| {
        let progress = bars.add(plan.name.to_owned());
        evaluate(client, plan, progress)
    });
    let outcomes = try_join_all(following).await;
    bars.close();
    outcomes
}

async fn evaluate(
    client: &Connection,
    plan: &'static Plan,
    mut progress: Progress,
) -> anyhow::Result<Outcome> {
    let environments = vec![plan.environment.to_owned()];
    let body = Body {
        num_episodes: Some(plan.episodes.into()),
        seed: Some(plan.seed.into()),
        ..plan
            .agent
            .request(client, plan.algorithm, environments)
            .await?
    };
    let key = System.new_id().to_string();
    let receipt: Receipt = client.submit(&key, &body).await?.read()?;
    let job = follow(client, receipt.job_id, &mut progress)
        .await?
        .read()?;
    Ok(Outcome { plan, job })
}
