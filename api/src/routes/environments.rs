//! `GET /v1/environments`: the catalogue.

use schemars::JsonSchema;
use serde::Serialize;
use tars_engine::catalogue::{self, EnvironmentSpec};
use warp::Filter as _;
use warp::http::StatusCode;

use crate::call::Call;
use crate::endpoint::Endpoint;
use crate::openapi::operation::Operation;
use crate::reply::json;
use crate::route::{Route, call, route};

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    let list = Operation::new("evaluations", "List the environments")
        .answers::<Catalogue>(200, "What agents can be evaluated on.");
    vec![(Endpoint::ListEnvironments, list)]
}

#[derive(Serialize, JsonSchema)]
struct Catalogue {
    items: &'static [EnvironmentSpec],
}

pub(super) fn routes() -> Vec<Route> {
    let list = call().then(async |_: Call| {
        Ok(json(
            StatusCode::OK,
            &Catalogue {
                items: catalogue::native(),
            },
        ))
    });
    vec![route(Endpoint::ListEnvironments, list)]
}
