//! One attempt at a job: every environment that has no result yet, then the comparison of all with
//! their baselines.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tars_engine::catalogue;
use tars_engine::policy::Policy;
use tars_engine::regression::Thresholds;
use tars_shared::job::{EnvironmentResult, FailureKind};
use tars_shared::services::Services;
use tars_shared::store::{Ending, Failed};
use tars_shared::submission::Submission;

use crate::attempt_error::AttemptError;
use crate::baselines::Baselines;
use crate::cores::Cores;
use crate::early_stop::{self, EarlyStop};
use crate::evaluation;
use crate::lease_renewer::LeaseGuard;
use crate::policies::Policies;
use crate::reuse::{Place, Reuse};
use crate::shutdown::Shutdown;
use crate::stop::Stop;
use crate::verdict;
use tars_shared::loaded_agent::{Agent, AgentError};

/// An attempt that has run for so long keeps its results as they come; those of a shorter one are
/// written with the job's end, and cost no more than this when they are lost before.
const KEEP_AFTER: Duration = Duration::from_secs(1);

/// One attempt at a job.
pub(crate) struct Attempt<'a> {
    pub(crate) services: &'a Services,
    pub(crate) policies: &'a Policies,
    pub(crate) baselines: &'a Baselines,
    pub(crate) reuse: &'a Reuse,
    pub(crate) cores: &'a Cores,
    pub(crate) submission: &'a Submission,
    pub(crate) guard: &'a LeaseGuard<'a>,
    pub(crate) shutdown: &'a Shutdown,
    pub(crate) began: Instant,
    /// Results that are not kept yet, with their places in the request: they belong into the end.
    pub(crate) unkept: Vec<(usize, EnvironmentResult)>,
}

impl Attempt<'_> {
    /// Runs to the job's completion. `finished` are the results of former attempts.
    pub(crate) async fn run(
        &mut self,
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
            let core = self.cores.take(self.shutdown).await?;
            // Since now it is its own time that passes.
            self.began = Instant::now();
            let agent = self.agent().await?;
            self.check_fit(agent.policy())?;
            for (position, result) in results.iter_mut().enumerate() {
                if result.is_none() {
                    let evaluated = self.evaluate(position, agent.clone(), thresholds).await?;
                    if evaluated.reused_from.is_none() {
                        core.note(evaluated.episodes.len());
                    }
                    *result = Some(evaluated);
                }
            }
        }
        let results: Vec<_> = results.into_iter().flatten().collect();
        let baselines = verdict::baselines(self.baselines, self.submission, &results).await?;
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

    /// Evaluates one environment, and keeps its result if this attempt may take long.
    async fn evaluate(
        &mut self,
        position: usize,
        agent: Arc<Agent>,
        thresholds: Thresholds,
    ) -> Result<EnvironmentResult, AttemptError> {
        let request = &self.submission.request;
        let environment = &request.parameters.environments[position];
        let place = Place {
            submission: self.submission,
            position,
        };
        let job = evaluation::EnvironmentRun {
            parameters: &request.parameters,
            position,
            agent,
            early_stop: self.early_stop(environment, thresholds).await?,
        };
        let stored = self.reuse.find(place);
        #[cfg(feature = "faults")]
        crate::faults::run(job.parameters);
        let (began, now) = (Instant::now(), &self.shutdown.now);
        let result = evaluation::run(self.services, &job, stored, self.guard, now).await?;
        if result.reused_from.is_none() {
            self.reuse.note(place, began.elapsed()).await;
        }
        #[cfg(feature = "faults")]
        crate::faults::reach(crate::faults::Point::Evaluated);
        self.unkept.push((position, result.clone()));
        if self.began.elapsed() >= keep_after() {
            self.keep().await?;
            #[cfg(feature = "faults")]
            crate::faults::reach(crate::faults::Point::Recorded);
        }
        Ok(result)
    }

    /// What may end an environment early, where that was asked for and there is something to compare
    /// it with.
    async fn early_stop(
        &self,
        environment: &str,
        thresholds: Thresholds,
    ) -> Result<Option<EarlyStop>, AttemptError> {
        let parameters = &self.submission.request.parameters;
        let Some(stopping) = early_stop::stopping(parameters, environment) else {
            return Ok(None);
        };
        let baseline = verdict::baseline(self.baselines, self.submission, environment).await?;
        Ok(baseline.map(|baseline| EarlyStop {
            baseline,
            stopping,
            thresholds,
        }))
    }

    /// Keeps the results so far.
    async fn keep(&mut self) -> Result<(), AttemptError> {
        let (leases, lease) = (&self.services.store.leases, self.guard.lease());
        for (position, result) in std::mem::take(&mut self.unkept) {
            if !leases.record_result(lease, position, &result).await? {
                return Err(AttemptError::Stopped(Stop::LeaseLost));
            }
        }
        Ok(())
    }
}

/// A worker that is to die when a result is kept does not wait for a long job.
fn keep_after() -> Duration {
    #[cfg(feature = "faults")]
    if crate::faults::is_at(crate::faults::Point::Recorded) {
        return Duration::ZERO;
    }
    KEEP_AFTER
}
