//! `PUT /v1/artifacts`: bytes in, their SHA-256 out. `PUT /v1/artifacts/{sha256}` says what it must
//! be.

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
    let bytes = || body::read(MEDIA_TYPE, artifact::MAX_BYTES);
    vec![
        route(Endpoint::PutArtifact, call().and(bytes()).then(put)),
        route(
            Endpoint::PutNamedArtifact,
            call().and(bytes()).then(put_named),
        ),
    ]
}

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    let put = Operation::new("evaluations", "Store a policy file")
        .described("The same bytes are the same artifact. Submit it as `agent_state.artifact`. `Content-Digest` is checked.")
        .takes_bytes(MEDIA_TYPE, artifact::MAX_BYTES)
        .answers::<Stored>(201, "It is stored.")
        .answers::<Stored>(200, "It was stored before.");
    let put_named = Operation::new("evaluations", "Store a policy file under the SHA-256 that it must have")
        .described("A file that arrives with other bytes is refused with 422. `Content-Digest` is checked too.")
        .takes_bytes(MEDIA_TYPE, artifact::MAX_BYTES)
        .answers::<Stored>(201, "It is stored.")
        .answers::<Stored>(200, "It was stored before.");
    vec![
        (Endpoint::PutArtifact, put),
        (Endpoint::PutNamedArtifact, put_named),
    ]
}

const MEDIA_TYPE: &str = "application/octet-stream";

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
    let digest = Digest::of(&bytes);
    store(call, digest, bytes).await
}

/// Like [`put`], for bytes that must have the hash in the path.
async fn put_named(call: Call, bytes: Result<Bytes, Problem>) -> Result<Response, Problem> {
    let bytes = bytes?;
    let digest = Digest::of(&bytes);
    if digest != call.values.of_path("sha256")? {
        let message = format!("the body's is {digest}: send it again, or under that name");
        return Err(Problem::invalid_field("sha256", message));
    }
    store(call, digest, bytes).await
}

async fn store(call: Call, digest: Digest, bytes: Bytes) -> Result<Response, Problem> {
    if bytes.is_empty() {
        return Err(Problem::malformed(
            "the body is empty: send the file's bytes",
        ));
    }
    let size = bytes.len();
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
