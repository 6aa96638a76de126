//! `GET /v1/environments`: the catalogue.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use tars_engine::catalogue::{self, EnvironmentSpec};
use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::reply::Response;

use super::{Context, json, route};
use crate::access::{self, Role, Subject};

#[derive(Serialize, JsonSchema)]
struct Catalogue {
    items: &'static [EnvironmentSpec],
}

pub(super) fn routes(context: &Arc<Context>) -> BoxedFilter<(Response,)> {
    let list = warp::path!("v1" / "environments")
        .and(warp::get())
        .and(access::require(Role::Viewer))
        .then(async |_: Subject| Ok(json(StatusCode::OK, &Catalogue { items: catalogue::native() })));
    route(context, ("GET", "/v1/environments"), list)
}
