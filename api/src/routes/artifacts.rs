//! `PUT /v1/artifacts`: bytes in, their SHA-256 out.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use tars_shared::artifact::{self, Digest};
use warp::Filter as _;
use warp::http::StatusCode;
use warp::reply::Response;

use crate::body;
use crate::call::Call;
use crate::deadline::within;
use crate::endpoint::Endpoint;
use crate::openapi::operation::Operation;
use crate::problem::Problem;
use crate::reply::json;
use crate::route::{Route, call, route};

pub(super) fn routes() -> Vec<Route> {
    let put = call()
        .and(body::read("application/octet-stream", artifact::MAX_BYTES))
        .then(put);
    vec![route(Endpoint::PutArtifact, put)]
}

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    let put = Operation::new("evaluations", "Store a policy file")
        .described("The same bytes are the same artifact. Submit it as `agent_state.artifact`.")
        .takes_bytes("application/octet-stream", artifact::MAX_BYTES)
        .answers::<Stored>(201, "It is stored.")
        .answers::<Stored>(200, "It was stored before.");
    vec![(Endpoint::PutArtifact, put)]
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "StoredArtifact")]
struct Stored {
    /// Give it as `agent_state.artifact`.
    artifact: Digest,
    bytes: usize,
}

/// 201 when the bytes are new, 200 when they were there already.
async fn put(call: Call, bytes: Result<Bytes, Problem>) -> Result<Response, Problem> {
    let bytes = bytes?;
    if bytes.is_empty() {
        return Err(Problem::malformed(
            "the body is empty: send the file's bytes",
        ));
    }
    let (digest, size) = (Digest::of(&bytes), bytes.len());
    let artifacts = call.context.services.store.artifacts.clone();
    let new = within(async move { artifacts.put(digest, &bytes).await }).await?;
    let status = if new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(json(
        status,
        &Stored {
            artifact: digest,
            bytes: size,
        },
    ))
}
