//! What can be done to a job: cancel, retry, promote.

use std::sync::Arc;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tars_engine::regression;
use tars_shared::baseline::{Baseline, NewBaseline};
use tars_shared::job::{EnvironmentResult, Job, Status};
use tars_shared::store::Cancellation;
use tars_shared::submission::{Submission, retry_job_id};
use uuid::Uuid;
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::Response;

use super::super::evaluate::receipt;
use super::{Context, json, route, with};
use crate::access::{self, Role, Subject};
use crate::deadline::{altogether, within};
use crate::problem::Problem;
use crate::query::job_id;
use crate::view::JobView;
use crate::watch::{Watch, no_job};
use crate::{accept, body};

/// A list of environments is small.
const PROMOTION_BYTES: usize = 16 * 1024;

pub(super) fn routes(context: &Arc<Context>) -> BoxedFilter<(Response,)> {
    let cancel = warp::path!("v1" / "jobs" / String / "cancel")
        .and(warp::post())
        .and(access::require(Role::Developer))
        .and(with(context))
        .then(cancel);
    let retry = warp::path!("v1" / "jobs" / String / "retry")
        .and(warp::post())
        .and(access::require(Role::Developer))
        .and(with(context))
        .then(retry);
    let promote = warp::path!("v1" / "jobs" / String / "promote")
        .and(warp::post())
        .and(access::require(Role::Admin))
        .and(body::read_optional("application/json", PROMOTION_BYTES))
        .and(with(context))
        .then(promote);
    route(context, ("POST", "/v1/jobs/{id}/cancel"), cancel)
        .or(route(context, ("POST", "/v1/jobs/{id}/retry"), retry))
        .unify()
        .or(route(context, ("POST", "/v1/jobs/{id}/promote"), promote))
        .unify()
        .boxed()
}

/// 200 when the job is cancelled, 202 while its worker is being asked to stop, 409 when it ended otherwise.
async fn cancel(id: String, _: Subject, context: Arc<Context>) -> Result<Response, Problem> {
    let id = job_id(&id)?;
    let jobs = context.services.store.jobs.clone();
    let status = match within(async move { jobs.cancel(id).await }).await? {
        None => return Err(no_job(id)),
        Some(Cancellation::Ended(status)) if status != Status::Cancelled => {
            return Err(Problem::conflict("job_ended", format!("the job has {status} already")));
        }
        Some(Cancellation::Requested) => StatusCode::ACCEPTED,
        Some(Cancellation::Cancelled | Cancellation::Ended(_)) => StatusCode::OK,
    };
    let job = Watch::new(&context, id).look().await?;
    Ok(json(status, &JobView::summary(job)))
}

/// A terminal status never changes, so a retry is a new job with the same request and the same seed. Asking twice gives
/// the same new job.
async fn retry(id: String, subject: Subject, context: Arc<Context>) -> Result<Response, Problem> {
    altogether(retry_job(id, subject, context)).await
}

async fn retry_job(id: String, subject: Subject, context: Arc<Context>) -> Result<Response, Problem> {
    let id = job_id(&id)?;
    let job = Watch::new(&context, id).look().await?;
    if !matches!(job.status, Status::Failed | Status::Cancelled) {
        let detail = format!("the job is {}: only failed and cancelled jobs can be retried", job.status);
        return Err(Problem::conflict("not_retryable", detail));
    }
    let jobs = context.services.store.jobs.clone();
    let former = within(async move { jobs.submission(id).await }).await?.ok_or_else(|| no_job(id))?;
    let submission = Submission {
        job_id: retry_job_id(id),
        subject: subject.0.to_owned(),
        submitted_at: context.services.clock.now(),
        retry_of: Some(id),
        ..former
    };
    let accepted = accept::accept(&context, "", vec![submission]).await?;
    receipt(accepted[0])
}

/// Which environments of a job become baselines; all of them by default.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Promotion {
    #[schemars(length(min = 1))]
    environments: Option<Vec<String>>,
}

#[derive(Serialize, JsonSchema)]
struct Promoted {
    baselines: Vec<Baseline>,
}

/// 201 when a baseline is new, 200 when all of them were promoted before.
async fn promote(
    id: String,
    _: Subject,
    bytes: Result<Option<Bytes>, Problem>,
    context: Arc<Context>,
) -> Result<Response, Problem> {
    let id = job_id(&id)?;
    let promotion: Promotion = match bytes? {
        Some(bytes) => body::parse(bytes).await?,
        None => Promotion::default(),
    };
    if promotion.environments.as_ref().is_some_and(Vec::is_empty) {
        return Err(Problem::invalid_field("environments", "name at least one, or leave it out for all"));
    }
    altogether(promote_results(id, promotion, context)).await
}

async fn promote_results(id: Uuid, promotion: Promotion, context: Arc<Context>) -> Result<Response, Problem> {
    let job = Watch::new(&context, id).look().await?;
    if job.status != Status::Completed {
        let detail = format!("the job is {}: only completed jobs can be promoted", job.status);
        return Err(Problem::conflict("not_completed", detail));
    }
    let jobs = context.services.store.jobs.clone();
    let mut results = within(async move { jobs.results(id).await }).await?;
    if results.len() != job.parameters.environments.len() {
        // A replica that lags behind has answered one of the two questions.
        return Err(Problem::unavailable());
    }
    if let Some(wanted) = &promotion.environments {
        if let Some(stranger) = wanted.iter().find(|id| !job.parameters.environments.contains(id)) {
            return Err(Problem::invalid_field("environments", format!("the job did not evaluate {stranger}")));
        }
        results.retain(|result| wanted.contains(&result.environment));
    }
    let mut any_new = false;
    let mut promoted = Vec::with_capacity(results.len());
    for result in results {
        let (baselines, baseline) = (context.services.store.baselines.clone(), baseline_of(&job, result));
        let (baseline, new) = within(async move { baselines.insert(&baseline).await }).await?;
        any_new |= new;
        promoted.push(baseline);
    }
    let status = if any_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(json(status, &Promoted { baselines: promoted }))
}

fn baseline_of(job: &Job, result: EnvironmentResult) -> NewBaseline {
    NewBaseline {
        agent_type: job.parameters.agent_type,
        environment: result.environment,
        statistics: regression::Baseline::of(&result.metrics, &result.episodes),
        hyperparameters: job.parameters.hyperparameters.clone(),
        source_job: Some(job.id),
    }
}
