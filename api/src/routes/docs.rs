//! `/openapi.json` and `/docs`.

use std::sync::Arc;

use bytes::Bytes;
use warp::Filter as _;
use warp::http::{HeaderValue, header};
use warp::reply::Response;

use super::{Call, Context, Route, enter, route};
use crate::endpoint::Endpoint;
use crate::openapi;
use crate::problem::Problem;

pub(super) fn routes(context: &Arc<Context>) -> Vec<Route> {
    let document = Bytes::from(openapi::text());
    let document = enter(context).then(move |_: Call| {
        let document = document.clone();
        async move { Ok::<_, Problem>(response("application/json", document)) }
    });
    vec![route(Endpoint::OpenApi, document)]
}

fn response(content_type: &'static str, bytes: Bytes) -> Response {
    let mut response = Response::new(bytes.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
