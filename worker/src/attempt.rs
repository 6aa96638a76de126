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

use crate::agent::{self, Agent, AgentError};
use crate::evaluation::{self, Broken};
use crate::keeper::{Kept, Stop};
use crate::patience::{Unanswered, until_answered};
use crate::verdict;

/// One attempt at a job.
pub(crate) struct Attempt<'a> {
    pub(crate) services: &'a Services,
    pub(crate) submission: &'a Submission,
    pub(crate) kept: &'a Kept<'a>,
    pub(crate) shutdown: &'a CancellationToken,
}

/// Why an attempt ended without a result.
pub(crate) enum Interrupted {
    /// The same attempt anywhere would fail again.
    Permanent(Failed),
    /// Another attempt may succeed.
    Transient(Failed),
    /// Somebody wants it to end.
    Stopped(Stop),
    /// The store gave no answer.
    Unanswered(Unanswered),
}

impl From<Unanswered> for Interrupted {
    fn from(unanswered: Unanswered) -> Self {
        Self::Unanswered(unanswered)
    }
}

impl From<Broken> for Interrupted {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Permanent(failed) => Self::Permanent(failed),
            Broken::Transient(failed) => Self::Transient(failed),
            Broken::Stopped(stop) => Self::Stopped(stop),
        }
    }
}

impl Attempt<'_> {
    /// Runs to the job's completion, keeping each environment's result as it comes. `finished` are
    /// those of former attempts.
    pub(crate) async fn run(
        &self,
        finished: Vec<(usize, EnvironmentResult)>,
        thresholds: Thresholds,
    ) -> Result<Ending, Interrupted> {
        let mut results = vec![None; self.submission.request.parameters.environments.len()];
        for (position, result) in finished {
            if let Some(place) = results.get_mut(position) {
                *place = Some(result);
            }
        }
        if results.iter().any(Option::is_none) {
            let agent = Arc::new(self.agent().await?);
            self.check_fit(agent.policy())?;
            for (position, place) in results.iter_mut().enumerate() {
                if place.is_none() {
                    *place = Some(self.evaluate(position, agent.clone()).await?);
                }
            }
        }
        let results: Vec<_> = results.into_iter().flatten().collect();
        let find = || verdict::baselines(self.services, self.submission, &results);
        let baselines = until_answered(self.shutdown, find).await?;
        let parameters = self.submission.request.parameters.clone();
        let compare = move || verdict::compare(&parameters, &results, baselines, &thresholds);
        let compared = tokio::task::spawn_blocking(compare).await;
        let comparisons = compared
            .map_err(|panic| evaluation::broke_down(format!("the comparison panicked: {panic}")))?;
        Ok(Ending::Completed(comparisons))
    }

    async fn agent(&self) -> Result<Agent, Interrupted> {
        let load = || agent::load(self.services, &self.submission.request);
        until_answered(self.shutdown, load).await?.map_err(|error| {
            let kind = match error {
                AgentError::Missing(_) => FailureKind::MissingArtifact,
                AgentError::Unreadable(_) => FailureKind::InvalidPolicy,
            };
            Interrupted::Permanent(Failed {
                kind,
                reason: error.to_string(),
            })
        })
    }

    /// A policy that fits only some of its environments fails before any of them runs.
    fn check_fit(&self, policy: &Policy) -> Result<(), Interrupted> {
        let environments = &self.submission.request.parameters.environments;
        for spec in environments.iter().filter_map(|id| catalogue::find(id)) {
            policy.fit(spec).map_err(|misfit| {
                Interrupted::Permanent(Failed {
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
    ) -> Result<EnvironmentResult, Interrupted> {
        let job = evaluation::Job {
            parameters: &self.submission.request.parameters,
            position,
            agent,
        };
        #[cfg(feature = "faults")]
        crate::faults::run(job.parameters);
        let result = evaluation::run(self.services, &job, self.kept, self.shutdown).await?;
        #[cfg(feature = "faults")]
        crate::faults::reach(crate::faults::Point::Evaluated);
        let leases = &self.services.store.leases;
        let record = || leases.record_result(self.kept.lease(), position, &result);
        if until_answered(self.shutdown, record).await? {
            #[cfg(feature = "faults")]
            crate::faults::reach(crate::faults::Point::Recorded);
            Ok(result)
        } else {
            Err(Interrupted::Stopped(Stop::LeaseLost))
        }
    }
}
