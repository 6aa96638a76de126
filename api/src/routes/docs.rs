//! `/openapi.json`, and `/docs` to look at it.

use bytes::Bytes;
use warp::Filter as _;
use warp::http::{HeaderValue, header};
use warp::reply::Response;

use crate::call::Call;
use crate::endpoint::Endpoint;
use crate::openapi::operation::Operation;
use crate::problem::Problem;
use crate::route::{Route, call, route};
use crate::{docs_ui, reply};

/// `document` is what `/openapi.json` serves.
pub(super) fn routes(document: String) -> Vec<Route> {
    let document = Bytes::from(document);
    let document = call().then(move |_: Call| {
        let document = document.clone();
        async move { Ok::<_, Problem>(reply::bytes("application/json", document)) }
    });
    vec![
        route(Endpoint::OpenApi, document),
        route(Endpoint::Docs, call().then(page)),
        route(Endpoint::DocsFile, call().then(file)),
    ]
}

pub(super) fn operations() -> Vec<(Endpoint, Operation)> {
    let document = Operation::new("operations", "This document").answers_text(
        200,
        "OpenAPI 3.1.",
        "application/json",
    );
    let page = Operation::new("operations", "This document as a page").answers_text(
        200,
        "Swagger UI.",
        "text/html",
    );
    let file = Operation::new("operations", "What the page loads")
        .answers_text(200, "The file.", "*/*")
        .fails(404, "The page has no such file.");
    vec![
        (Endpoint::OpenApi, document),
        (Endpoint::Docs, page),
        (Endpoint::DocsFile, file),
    ]
}

async fn page(_: Call) -> Result<Response, Problem> {
    let (content_type, bytes) = docs_ui::index();
    let mut page = reply::bytes(content_type, bytes);
    let policy = HeaderValue::from_static(docs_ui::CONTENT_SECURITY_POLICY);
    page.headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(page)
}

async fn file(call: Call) -> Result<Response, Problem> {
    let name: String = call.values.of_path("file")?;
    let (content_type, bytes) =
        docs_ui::asset(&name).ok_or_else(|| Problem::not_found("the page has no such file"))?;
    Ok(reply::bytes(content_type, bytes))
}
