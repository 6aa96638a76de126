//! The answer to an accepted evaluation.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use tars_shared::job::Status;
use uuid::Uuid;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use crate::accept::Accepted;
use crate::problem::Problem;
use crate::reply::json;
use crate::view::{JobLinks, location};

/// The answer to an accepted evaluation.
#[derive(Serialize, JsonSchema)]
pub(super) struct Receipt {
    job_id: Uuid,
    status: Status,
    submitted_at: DateTime<Utc>,
    links: JobLinks,
}

impl From<Accepted> for Receipt {
    fn from(accepted: Accepted) -> Self {
        Self {
            job_id: accepted.job_id,
            status: accepted.status,
            submitted_at: accepted.submitted_at,
            links: JobLinks::of(accepted.job_id),
        }
    }
}

/// 202 with the path of the job.
pub(super) fn receipt(accepted: Accepted) -> Result<Response, Problem> {
    let mut response = json(StatusCode::ACCEPTED, &Receipt::from(accepted));
    let path = HeaderValue::try_from(location(accepted.job_id)).map_err(|_| Problem::internal())?;
    response.headers_mut().insert(header::LOCATION, path);
    Ok(response)
}
