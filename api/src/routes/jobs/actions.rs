//! What can be done to a job: cancel, retry, promote.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json as value;
use tars_engine::{catalogue, regression};
use tars_shared::baseline::{Baseline, NewBaseline};
use tars_shared::job::{EnvironmentResult, Job, Status};
use tars_shared::request::excerpt;
use tars_shared::store::Cancellation;
use tars_shared::submission::{Submission, retry_job_id};
use warp::Filter as _;
use warp::http::StatusCode;
use warp::reply::Response;

use super::super::receipt::{Receipt, paused, receipt};
use crate::accept::{self, Accepted};
use crate::body;
use crate::call::Call;
use crate::deadline::{altogether, within};
use crate::endpoint::Endpoint;
use crate::job_watcher::JobWatcher;
use crate::openapi::operation::Operation;
use crate::problem::Problem;
use crate::reply::json;
use crate::route::{Route, call, route};
use crate::view::JobView;

/// A list of environments is small.
const PROMOTION_BYTES: usize = 16 * 1024;

pub(super) fn routes() -> Vec<Route> {
    let body = body::read_optional("application/json", PROMOTION_BYTES);
    vec![
        route(Endpoint::CancelJob, call().then(cancel)),
        route(Endpoint::RetryJob, call().then(retry)),
        route(Endpoint::PromoteJob, call().and(body).then(promote)),
    ]
}

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    let cancel = Operation::new("evaluations", "Cancel a job")
        .answers::<JobView>(200, "It is cancelled.")
        .answers::<JobView>(202, "It is running: its worker has been asked to stop.")
        .fails(404, "There is no such job.")
        .fails(409, "It has ended otherwise.");
    let retry = Operation::new("evaluations", "Run a failed or cancelled job again")
        .described("As one new job with the same request and seed, however often it is asked for.")
        .answers::<Receipt>(202, "The new job is accepted.")
        .fails(404, "There is no such job.")
        .fails(409, "It has neither failed nor been cancelled.");
    let promote = Operation::new("baselines", "Make a job's results baselines")
        .may_take::<Promotion>(value!({"environments": ["CartPole-v1"]}))
        .answers::<Promoted>(201, "They are baselines now.")
        .answers::<Promoted>(200, "They were baselines already.")
        .fails(404, "There is no such job.")
        .fails(409, "It has not completed.");
    vec![
        (Endpoint::CancelJob, cancel),
        (Endpoint::RetryJob, retry),
        (Endpoint::PromoteJob, promote),
    ]
}

/// 200 when the job is cancelled, 202 while its worker is being asked to stop, 409 when it ended
/// otherwise.
async fn cancel(call: Call) -> Result<Response, Problem> {
    let id = call.values.id()?;
    let jobs = call.context.services.store.jobs.clone();
    let watcher = JobWatcher::new(&call.context, id);
    match within(async move { jobs.cancel(id).await }).await? {
        None => return Err(watcher.no_row().await),
        Some(Cancellation::Ended(status)) if status != Status::Cancelled => {
            return Err(ended(status));
        }
        Some(Cancellation::Requested | Cancellation::Cancelled | Cancellation::Ended(_)) => {}
    }
    // Between the two calls a running job may have ended, in either way.
    let job = watcher.load().await?;
    match job.status {
        Status::Queued | Status::Running => Ok(json(StatusCode::ACCEPTED, &JobView::summary(job))),
        Status::Cancelled => Ok(json(StatusCode::OK, &JobView::summary(job))),
        Status::Completed | Status::Failed => Err(ended(job.status)),
    }
}

fn ended(status: Status) -> Problem {
    Problem::conflict("job_ended", format!("the job has {status} already"))
}

/// A terminal status never changes, so a retry is a new job with the same request and the same
/// seed. Asking twice gives the same new job.
async fn retry(call: Call) -> Result<Response, Problem> {
    altogether(retry_job(call)).await
}

async fn retry_job(call: Call) -> Result<Response, Problem> {
    let (id, context) = (call.values.id()?, &call.context);
    let watcher = JobWatcher::new(context, id);
    let job = watcher.load().await?;
    if !matches!(job.status, Status::Failed | Status::Cancelled) {
        let detail = format!(
            "the job is {}: only failed and cancelled jobs can be retried",
            job.status
        );
        return Err(Problem::conflict("not_retryable", detail));
    }
    let (jobs, again) = (context.services.store.jobs.clone(), retry_job_id(id));
    // A replay of its dead letter may have made another request of it: it goes on as that.
    if let Some(job) = within(async move { jobs.find(again).await }).await? {
        let accepted = Accepted {
            job_id: job.id,
            status: job.status,
            submitted_at: job.submitted_at,
        };
        return receipt(accepted, None);
    }
    let jobs = context.services.store.jobs.clone();
    let Some(former) = within(async move { jobs.submission(id).await }).await? else {
        return Err(watcher.no_row().await);
    };
    let subject = call.caller.owner();
    let submission = Submission {
        job_id: retry_job_id(id),
        lane: context
            .lanes
            .choose(&subject, former.request.parameters.priority),
        subject,
        submitted_at: context.services.clock.now(),
        retry_of: Some(id),
        ..former
    };
    let paused = paused(context, &submission);
    let accepted = accept::accept(context, "", vec![submission]).await?;
    receipt(accepted[0], paused)
}

/// Which environments of a job become baselines; all of them by default.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Promotion {
    #[schemars(length(min = 1))]
    #[schemars(with = "Option<Vec<catalogue::KnownId>>")]
    environments: Option<Vec<String>>,
}

#[derive(Serialize, JsonSchema)]
struct Promoted {
    baselines: Vec<Baseline>,
}

/// 201 when a baseline is new, 200 when all of them were promoted before.
async fn promote(call: Call, bytes: Result<Option<Bytes>, Problem>) -> Result<Response, Problem> {
    let promotion: Promotion = match bytes? {
        Some(bytes) => body::parse(bytes).await?,
        None => Promotion::default(),
    };
    if promotion.environments.as_ref().is_some_and(Vec::is_empty) {
        return Err(Problem::invalid_field(
            "environments",
            "name at least one, or leave it out for all",
        ));
    }
    altogether(promote_results(&call, promotion)).await
}

async fn promote_results(call: &Call, promotion: Promotion) -> Result<Response, Problem> {
    let (id, context) = (call.values.id()?, &call.context);
    let job = JobWatcher::new(context, id).load().await?;
    if job.status != Status::Completed {
        let detail = format!(
            "the job is {}: only completed jobs can be promoted",
            job.status
        );
        return Err(Problem::conflict("not_completed", detail));
    }
    let jobs = context.services.store.jobs.clone();
    let mut results = within(async move { jobs.results(id).await }).await?;
    if results.len() != job.parameters.environments.len() {
        // A replica that lags behind has answered one of the two questions.
        return Err(Problem::unavailable());
    }
    if let Some(wanted) = &promotion.environments {
        if let Some(unknown) = wanted
            .iter()
            .find(|id| !job.parameters.environments.contains(id))
        {
            return Err(Problem::invalid_field(
                "environments",
                format!("the job did not evaluate {}", excerpt(unknown)),
            ));
        }
        results.retain(|result| wanted.contains(&result.environment));
    }
    if let Some(stopped) = results.iter().find(|result| result.stopped_early) {
        let detail = format!(
            "{} stopped early, where its mean decided when: evaluate it without stop and promote that job",
            stopped.environment
        );
        return Err(Problem::conflict("stopped_early", detail));
    }
    let mut any_new = false;
    let mut promoted = Vec::with_capacity(results.len());
    for result in results {
        let (baselines, actor) = (
            context.services.store.baselines.clone(),
            call.caller.actor(),
        );
        let baseline = baseline_of(&job, result);
        let (baseline, new) =
            within(async move { baselines.insert(&baseline, &actor).await }).await?;
        any_new |= new;
        promoted.push(baseline);
    }
    let status = if any_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(json(
        status,
        &Promoted {
            baselines: promoted,
        },
    ))
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
