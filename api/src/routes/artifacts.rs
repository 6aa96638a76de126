//! `PUT /v1/artifacts`: bytes in, their SHA-256 out.

use std::sync::Arc;

use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use tars_shared::artifact::{self, Digest};
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::Response;

use super::{Context, json, route, with};
use crate::access::{self, Role, Subject};
use crate::body;
use crate::deadline::within;
use crate::problem::Problem;

pub(super) fn routes(context: &Arc<Context>) -> BoxedFilter<(Response,)> {
    let put = warp::path!("v1" / "artifacts")
        .and(warp::put())
        .and(access::require(Role::Developer))
        .and(body::read("application/octet-stream", artifact::MAX_BYTES))
        .and(with(context))
        .then(put);
    route(context, ("PUT", "/v1/artifacts"), put)
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "StoredArtifact")]
struct Stored {
    /// Give it as `agent_state.artifact`.
    artifact: Digest,
    bytes: usize,
}

/// 201 when the bytes are new, 200 when they were there already.
async fn put(_: Subject, bytes: Result<Bytes, Problem>, context: Arc<Context>) -> Result<Response, Problem> {
    let bytes = bytes?;
    if bytes.is_empty() {
        return Err(Problem::malformed("the body is empty: send the file's bytes"));
    }
    let (digest, size) = (Digest::of(&bytes), bytes.len());
    let artifacts = context.services.store.artifacts.clone();
    let new = within(async move { artifacts.put(digest, &bytes).await }).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(json(status, &Stored { artifact: digest, bytes: size }))
}
