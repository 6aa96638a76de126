//! Runs one environment on the CPU pool, watched from the async side.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tars_engine::policy::Policy;
use tars_engine::regression::Sequential;
use tars_engine::rollout::{self, Plan, Rollout};
use tars_engine::{catalogue, environment, metrics};
use tars_shared::job::{EnvironmentResult, FailureKind};
use tars_shared::request::Parameters;
use tars_shared::services::Services;
use tars_shared::store::Failed;
use tokio_util::sync::CancellationToken;

use crate::attempt_error::AttemptError;
use crate::early_stop::EarlyStop;
use crate::lease_renewer::LeaseGuard;
use crate::stop::{Run, Stop};
use tars_shared::loaded_agent::Agent;

/// One environment of a job.
pub(crate) struct EnvironmentRun<'a> {
    pub(crate) parameters: &'a Parameters,
    pub(crate) position: usize,
    pub(crate) agent: Arc<Agent>,
    pub(crate) early_stop: Option<EarlyStop>,
}

/// Runs the environment and summarises its episodes, unless `stored` has the same before that.
pub(crate) async fn run(
    services: &Services,
    job: &EnvironmentRun<'_>,
    stored: impl Future<Output = EnvironmentResult>,
    guard: &LeaseGuard<'_>,
    shutdown: &CancellationToken,
) -> Result<EnvironmentResult, AttemptError> {
    let parameters = job.parameters;
    let id = parameters.environments[job.position].clone();
    let start = Instant::now();
    let mut answered = None;
    let evaluated = {
        let (run, id, agent) = (guard.run.clone(), id.clone(), job.agent.clone());
        let early_stop = job.early_stop.clone();
        let spared = CancellationToken::new();
        let watched = spared.clone();
        let losses = parameters.losses.clone();
        let plan = Plan::new(
            parameters.seed,
            parameters.num_episodes,
            parameters.deterministic,
        );
        let before = u32::try_from(job.position)
            .unwrap_or(u32::MAX)
            .saturating_mul(parameters.num_episodes);
        // The statistics take their time too: both belong beside the async runtime, where a panic
        // is caught.
        let mut evaluating = tokio::task::spawn_blocking(move || {
            let rule = early_stop.as_ref().and_then(|early| early.rule(&losses));
            let rollout = roll(&id, agent.policy(), &plan, rule, &run, &watched, before)?;
            let metrics =
                metrics::summarize(&rollout.episodes, rollout.action_counts.as_deref(), &losses);
            Ok((rollout, metrics))
        });
        let deadline = tokio::time::sleep(Duration::from_secs(parameters.timeout_seconds.into()));
        tokio::pin!(deadline, stored);
        loop {
            tokio::select! {
                evaluated = &mut evaluating => break evaluated,
                () = &mut deadline, if guard.run.stopped().is_none() => guard.run.stop(Stop::Timeout),
                result = &mut stored, if answered.is_none() => {
                    answered = Some(result);
                    spared.cancel();
                }
                () = shutdown.cancelled(), if guard.run.stopped().is_none() => guard.run.stop(Stop::Shutdown),
            }
        }
    };
    if let Some(result) = answered.filter(|_| guard.run.stopped().is_none()) {
        let done = u32::try_from(job.position)
            .unwrap_or(u32::MAX)
            .saturating_add(1)
            .saturating_mul(parameters.num_episodes);
        guard.run.set_episodes_done(done);
        return Ok(result);
    }
    let (rollout, metrics) = evaluated.unwrap_or_else(|panic| {
        Err(AttemptError::broke_down(format!(
            "the evaluation panicked: {panic}"
        )))
    })?;
    if guard.run.stopped() == Some(Stop::Timeout) {
        // It finished just after its time was up: late is late, whichever was noticed first.
        return Err(AttemptError::Stopped(Stop::Timeout));
    }
    let agent_type = parameters.agent_type.to_string();
    let measured = &services.metrics;
    measured
        .evaluation_duration
        .with_label_values(&[&agent_type, &id])
        .observe(start.elapsed().as_secs_f64());
    measured
        .evaluations
        .with_label_values(&[&agent_type, &id])
        .inc();
    measured
        .episodes
        .with_label_values(&[&id])
        .inc_by(rollout.episodes.len() as u64);
    measured
        .steps
        .with_label_values(&[&id])
        .inc_by(rollout.steps);
    let episodes = rollout.episodes;
    Ok(EnvironmentResult {
        policy: job.agent.describe(&id),
        environment: id,
        metrics,
        regression: None,
        baseline_id: None,
        stopped_early: episodes.len() < parameters.num_episodes as usize,
        episodes,
        reused_from: None,
    })
}

fn roll(
    id: &str,
    policy: &Policy,
    plan: &Plan,
    rule: Option<Sequential<'_>>,
    run: &Run,
    spared: &CancellationToken,
    before: u32,
) -> Result<Rollout, AttemptError> {
    let watch = |progress: rollout::Progress| {
        run.set_episodes_done(before.saturating_add(progress.episodes_done));
        if run.stopped().is_some() || spared.is_cancelled() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let make = |lanes| environment::native(id, lanes).ok_or_else(|| not_here(id));
    let rolled = match rule {
        None => rollout::run(&make, policy, plan, &watch),
        Some(rule) => rollout::run_until(&make, policy, plan, &rule, &watch),
    };
    rolled.map_err(|error| match error {
        rollout::Error::Stopped => AttemptError::Stopped(run.stopped().unwrap_or(Stop::Shutdown)),
        rollout::Error::Environment(_) if catalogue::find(id).is_none() => {
            AttemptError::Permanent(Failed {
                kind: FailureKind::UnknownEnvironment,
                reason: error.to_string(),
            })
        }
        rollout::Error::Environment(_) => AttemptError::broke_down(error.to_string()),
        rollout::Error::Misfit(_)
        | rollout::Error::NotANumber { .. }
        | rollout::Error::Seeds { .. } => AttemptError::Permanent(Failed {
            kind: FailureKind::InvalidPolicy,
            reason: error.to_string(),
        }),
    })
}

fn not_here(id: &str) -> environment::Error {
    environment::Error::Failed {
        id: id.to_owned(),
        reason: "it is not in this worker's catalogue".to_owned(),
    }
}
