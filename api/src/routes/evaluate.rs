//! `POST /v1/evaluate` and `POST /v1/evaluate/batch`.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tars_shared::artifact::{self, Digest};
use tars_shared::job::Status;
use tars_shared::request::FieldError;
use tars_shared::request::body::Body;
use uuid::Uuid;
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;

use super::{Context, json, route, with};
use crate::accept::{self, Accepted};
use crate::access::{self, Role, Subject};
use crate::body;
use crate::problem::Problem;
use crate::view::{Links, location};

/// Base64 makes four bytes of three; the rest of the body is small beside a policy and its statistics.
const BODY_BYTES: usize = artifact::MAX_BYTES / 3 * 4 + 2 * 1024 * 1024;
/// A batch of large policies travels by artifact.
const BATCH_BYTES: usize = 32 * 1024 * 1024;
/// Evaluations of one batch.
const BATCH_SIZE: usize = 100;
/// Characters of an idempotency key.
const KEY_CHARACTERS: usize = 255;

pub(super) fn routes(context: &Arc<Context>) -> BoxedFilter<(Response,)> {
    let one = warp::path!("v1" / "evaluate")
        .and(warp::post())
        .and(access::require(Role::Developer))
        .and(warp::header::optional("idempotency-key"))
        .and(body::read("application/json", BODY_BYTES))
        .and(with(context))
        .then(evaluate);
    let many = warp::path!("v1" / "evaluate" / "batch")
        .and(warp::post())
        .and(access::require(Role::Developer))
        .and(warp::header::optional("idempotency-key"))
        .and(body::read("application/json", BATCH_BYTES))
        .and(with(context))
        .then(evaluate_batch);
    route(context, ("POST", "/v1/evaluate"), one)
        .or(route(context, ("POST", "/v1/evaluate/batch"), many))
        .unify()
        .boxed()
}

/// The answer to an accepted evaluation.
#[derive(Serialize, JsonSchema)]
pub(super) struct Receipt {
    job_id: Uuid,
    status: Status,
    submitted_at: DateTime<Utc>,
    links: Links,
}

impl From<Accepted> for Receipt {
    fn from(accepted: Accepted) -> Self {
        Self {
            job_id: accepted.job_id,
            status: accepted.status,
            submitted_at: accepted.submitted_at,
            links: Links::of(accepted.job_id),
        }
    }
}

/// 202 with the place of the job.
pub(super) fn receipt(accepted: Accepted) -> Result<Response, Problem> {
    let mut response = json(StatusCode::ACCEPTED, &Receipt::from(accepted));
    let place = HeaderValue::try_from(location(accepted.job_id)).map_err(|_| Problem::internal())?;
    response.headers_mut().insert(header::LOCATION, place);
    Ok(response)
}

async fn evaluate(
    subject: Subject,
    key: Option<String>,
    bytes: Result<Bytes, Problem>,
    context: Arc<Context>,
) -> Result<Response, Problem> {
    let key = checked_key(key)?;
    let bytes = bytes?;
    let hash = Digest::of(&bytes);
    let body: Body = body::parse(bytes).await?;
    let submission =
        accept::submission(&context.services, &subject, key.as_deref(), hash, body).map_err(Problem::invalid)?;
    let accepted = accept::accept(&context, "", vec![submission]).await?;
    receipt(accepted[0])
}

/// Many evaluations, accepted all or none.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Batch {
    #[schemars(length(min = 1, max = BATCH_SIZE))]
    evaluations: Vec<Body>,
}

#[derive(Serialize, JsonSchema)]
struct BatchReceipt {
    jobs: Vec<Receipt>,
}

async fn evaluate_batch(
    subject: Subject,
    key: Option<String>,
    bytes: Result<Bytes, Problem>,
    context: Arc<Context>,
) -> Result<Response, Problem> {
    let key = checked_key(key)?;
    let bytes = bytes?;
    // Every part carries the hash of the whole: a key that comes back with another batch is recognised by any of them.
    let hash = Digest::of(&bytes);
    let batch: Batch = body::parse(bytes).await?;
    if batch.evaluations.is_empty() || batch.evaluations.len() > BATCH_SIZE {
        return Err(Problem::invalid_field("evaluations", format!("give 1 to {BATCH_SIZE} evaluations")));
    }
    let mut submissions = Vec::with_capacity(batch.evaluations.len());
    let mut errors = Vec::new();
    for (index, body) in batch.evaluations.into_iter().enumerate() {
        // The first part has the key itself, so that a batch and a single evaluation cannot share one.
        let key = key.as_ref().map(|key| if index == 0 { key.clone() } else { format!("{key}\0{index}") });
        match accept::submission(&context.services, &subject, key.as_deref(), hash, body) {
            Ok(submission) => submissions.push(submission),
            Err(complaints) => errors.extend(complaints.into_iter().map(|complaint| FieldError {
                field: format!("evaluations[{index}].{}", complaint.field),
                ..complaint
            })),
        }
    }
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }
    let accepted = accept::accept(&context, "evaluations", submissions).await?;
    let jobs = accepted.into_iter().map(Receipt::from).collect();
    Ok(json(StatusCode::ACCEPTED, &BatchReceipt { jobs }))
}

fn checked_key(key: Option<String>) -> Result<Option<String>, Problem> {
    match &key {
        Some(text) if text.trim().is_empty() || text.chars().count() > KEY_CHARACTERS => {
            Err(Problem::invalid_field("Idempotency-Key", format!("must have 1 to {KEY_CHARACTERS} characters")))
        }
        _ => Ok(key),
    }
}
