//! The answer to an accepted evaluation.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use tars_shared::job::Status;
use tars_shared::pause;
use tars_shared::submission::Submission;
use uuid::Uuid;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use crate::accept::Accepted;
use crate::context::Context;
use crate::problem::Problem;
use crate::reply::json;
use crate::view::{JobLinks, location};
use crate::waiting::Waiting;

/// The answer to an accepted evaluation.
#[derive(Serialize, JsonSchema)]
pub(super) struct Receipt {
    job_id: Uuid,
    status: Status,
    submitted_at: DateTime<Utc>,
    /// The pause that it waits for, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<Waiting>,
    links: JobLinks,
}

/// The pause that a submission will wait for, as far as this process knows without asking.
pub(super) fn paused(context: &Context, submission: &Submission) -> Option<Waiting> {
    let (pauses, parameters) = (context.outlook.pauses(), &submission.request.parameters);
    pause::covering(&pauses, &submission.subject, parameters)
        .next()
        .map(Waiting::paused)
}

impl Receipt {
    pub(super) fn new(accepted: Accepted, paused: Option<Waiting>) -> Self {
        Self {
            job_id: accepted.job_id,
            status: accepted.status,
            submitted_at: accepted.submitted_at,
            // The same submission may have come before.
            waiting: paused.filter(|_| accepted.status == Status::Queued),
            links: JobLinks::of(accepted.job_id),
        }
    }
}

/// 202 with the path of the job.
pub(super) fn receipt(accepted: Accepted, paused: Option<Waiting>) -> Result<Response, Problem> {
    let mut response = json(StatusCode::ACCEPTED, &Receipt::new(accepted, paused));
    let path = HeaderValue::try_from(location(accepted.job_id)).map_err(|_| Problem::internal())?;
    response.headers_mut().insert(header::LOCATION, path);
    Ok(response)
}
