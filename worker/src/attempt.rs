//! One attempt at a job: every environment that has no result yet, then the comparison of all with
//! their baselines.

use std::sync::Arc;

use tars_engine::catalogue;
use tars_engine::policy::Policy;
use tars_engine::regression::Thresholds;
use tars_shared::job::{EnvironmentResult, FailureKind};
use tars_shared::services::Services;
use tars_shared::store::{Ending, Failed};
use tars_shared::submission::Submission;
use tokio_util::sync::CancellationToken;

use crate::agent::{Agent, AgentError};
use crate::attempt_error::AttemptError;
use crate::evaluation;
use crate::lease_renewer::LeaseGuard;
use crate::policies::Policies;
use crate::stop::Stop;
use crate::verdict;

/// One attempt at a job.
pub(crate) struct Attempt<'a> {
    pub(crate) services: &'a Services,
    pub(crate) policies: &'a Policies,
    pub(crate) submission: &'a Submission,
    pub(crate) guard: &'a LeaseGuard<'a>,
    pub(crate) shutdown: &'a CancellationToken,
}

impl Attempt<'_> {
    /// Runs to the job's completion, keeping each environment's result as it comes. `finished` are
    /// those of former attempts.
    pub(crate) async fn run(
        &self,
        finished: Vec<(usize, EnvironmentResult)>,
        thresholds: Thresholds,
    ) -> Result<Ending, AttemptError> {
        let mut results = vec![None; self.submission.request.parameters.environments.len()];
        for (position, result) in finished {
            if let Some(slot) = results.get_mut(position) {
                *slot = Some(result);
            }
        }
        if results.iter().any(Option::is_none) {
            let agent = self.agent().await?;
            self.check_fit(agent.policy())?;
            for (position, result) in results.iter_mut().enumerate() {
                if result.is_none() {
                    *result = Some(self.evaluate(position, agent.clone()).await?);
                }
            }
        }
        let results: Vec<_> = results.into_iter().flatten().collect();
        let baselines = verdict::baselines(self.services, self.submission, &results).await?;
        let parameters = self.submission.request.parameters.clone();
        let compare = move || verdict::compare(&parameters, &results, baselines, &thresholds);
        let compared = tokio::task::spawn_blocking(compare).await;
        let comparisons = compared.map_err(|panic| {
            AttemptError::broke_down(format!("the comparison panicked: {panic}"))
        })?;
        Ok(Ending::Completed(comparisons))
    }

    async fn agent(&self) -> Result<Arc<Agent>, AttemptError> {
        let (services, request) = (self.services, &self.submission.request);
        let loaded = self.policies.load(services, request).await?;
        loaded.map_err(|error| {
            let kind = match error {
                AgentError::Missing(_) => FailureKind::MissingArtifact,
                AgentError::Unreadable(_) => FailureKind::InvalidPolicy,
            };
            AttemptError::Permanent(Failed {
                kind,
                reason: error.to_string(),
            })
        })
    }

    /// A policy that fits only some of its environments fails before any of them runs.
    fn check_fit(&self, policy: &Policy) -> Result<(), AttemptError> {
        let environments = &self.submission.request.parameters.environments;
        for spec in environments.iter().filter_map(|id| catalogue::find(id)) {
            policy.fit(spec).map_err(|misfit| {
                AttemptError::Permanent(Failed {
                    kind: FailureKind::InvalidPolicy,
                    reason: misfit.to_string(),
                })
            })?;
        }
        Ok(())
    }

    /// Evaluates one environment and keeps its result.
    async fn evaluate(
        &self,
        position: usize,
        agent: Arc<Agent>,
    ) -> Result<EnvironmentResult, AttemptError> {
        let job = evaluation::EnvironmentRun {
            parameters: &self.submission.request.parameters,
            position,
            agent,
        };
        #[cfg(feature = "faults")]
        crate::faults::run(job.parameters);
        let result = evaluation::run(self.services, &job, self.guard, self.shutdown).await?;
        #[cfg(feature = "faults")]
        crate::faults::reach(crate::faults::Point::Evaluated);
        let leases = &self.services.store.leases;
        if leases
            .record_result(self.guard.lease(), position, &result)
            .await?
        {
            #[cfg(feature = "faults")]
            crate::faults::reach(crate::faults::Point::Recorded);
            Ok(result)
        } else {
            Err(AttemptError::Stopped(Stop::LeaseLost))
        }
    }
}
