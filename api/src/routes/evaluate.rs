//! `POST /v1/evaluate` and `POST /v1/evaluate/batch`.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json as value};
use tars_shared::artifact::{self, Digest};
use tars_shared::request::FieldError;
use tars_shared::request::body::Body;
use warp::Filter as _;
use warp::http::StatusCode;
use warp::reply::Response;

use super::receipt::{Receipt, receipt};
use crate::accept;
use crate::body;
use crate::call::Call;
use crate::endpoint::Endpoint;
use crate::openapi::operation::Operation;
use crate::problem::Problem;
use crate::reply::json;
use crate::route::{Route, call, route};

/// Base64 makes four bytes of three; the rest of the body is small beside a policy and its
/// statistics.
const BODY_BYTES: usize = artifact::MAX_BYTES / 3 * 4 + 2 * 1024 * 1024;
/// A batch of large policies travels by artifact.
const BATCH_BYTES: usize = 32 * 1024 * 1024;
const BATCH_SIZE: usize = 100;

pub(super) fn routes() -> Vec<Route> {
    let one = call()
        .and(body::read("application/json", BODY_BYTES))
        .then(evaluate);
    let many = call()
        .and(body::read("application/json", BATCH_BYTES))
        .then(evaluate_batch);
    vec![
        route(Endpoint::Evaluate, one),
        route(Endpoint::EvaluateBatch, many),
    ]
}

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    let one = Operation::new("evaluations", "Submit an evaluation")
        .described("Follow the job at `links.self`. The policy is a stored artifact, or comes with the request.")
        .takes::<Body>(example())
        .answers::<Receipt>(202, "It is accepted: the job will reach exactly one end, whatever fails meanwhile.")
        .fails(409, "The Idempotency-Key came with another body before.");
    let many = Operation::new("evaluations", "Submit many evaluations")
        .described("All or none are accepted.")
        .takes::<Batch>(value!({"evaluations": [example(), example()]}))
        .answers::<BatchReceipt>(202, "They are accepted, in the order of the request.")
        .fails(409, "The Idempotency-Key came with another body before.");
    vec![(Endpoint::Evaluate, one), (Endpoint::EvaluateBatch, many)]
}

/// A linear policy that pushes the cart the way the pole leans.
fn example() -> Value {
    value!({
        "agent_type": "DQN",
        "agent_state": {"format": "mlp-json", "data": {
            "version": 1,
            "head": "values",
            "activation": "relu",
            "layers": [{"weight": [[0, 0, -1, -1], [0, 0, 1, 1]], "bias": [0, 0]}],
        }},
        "environments": ["CartPole-v1"],
        "num_episodes": 100,
    })
}

/// The key that makes a repetition harmless.
fn key(call: &Call) -> Option<&str> {
    call.values.text("Idempotency-Key")
}

async fn evaluate(call: Call, bytes: Result<Bytes, Problem>) -> Result<Response, Problem> {
    let bytes = bytes?;
    let hash = Digest::of(&bytes);
    let body: Body = body::parse(bytes).await?;
    let owner = call.caller.owner();
    let submission = accept::submission(&call.context, &owner, key(&call), hash, body);
    let accepted = accept::accept(
        &call.context,
        "",
        vec![submission.map_err(Problem::invalid)?],
    )
    .await?;
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

async fn evaluate_batch(call: Call, bytes: Result<Bytes, Problem>) -> Result<Response, Problem> {
    let bytes = bytes?;
    // Every part carries the hash of the whole: a key that comes back with another batch is
    // recognised by any of them.
    let hash = Digest::of(&bytes);
    let batch: Batch = body::parse(bytes).await?;
    if batch.evaluations.is_empty() || batch.evaluations.len() > BATCH_SIZE {
        return Err(Problem::invalid_field(
            "evaluations",
            format!("give 1 to {BATCH_SIZE} evaluations"),
        ));
    }
    let owner = call.caller.owner();
    let mut submissions = Vec::with_capacity(batch.evaluations.len());
    let mut errors = Vec::new();
    for (index, body) in batch.evaluations.into_iter().enumerate() {
        // The first part has the key itself, so that a batch and a single evaluation cannot share
        // one.
        let key = key(&call).map(|key| {
            if index == 0 {
                key.to_owned()
            } else {
                format!("{key}\0{index}")
            }
        });
        match accept::submission(&call.context, &owner, key.as_deref(), hash, body) {
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
    let accepted = accept::accept(&call.context, "evaluations", submissions).await?;
    let jobs = accepted.into_iter().map(Receipt::from).collect();
    Ok(json(StatusCode::ACCEPTED, &BatchReceipt { jobs }))
}
