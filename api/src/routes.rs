//! What answers each endpoint: a list, and a file for each resource.

mod artifacts;
mod auth;
mod baselines;
mod dead_letters;
mod docs;
mod environments;
mod evaluate;
mod health;
mod jobs;
mod metrics;
mod pauses;
mod receipt;
mod webhooks;
mod workers;

use std::collections::HashMap;
use std::sync::Arc;

use tower_service::Service as _;
use warp::filters::BoxedFilter;
use warp::http::Request;
use warp::reply::{Reply as _, Response};

use crate::call::Call;
use crate::endpoint::Endpoint;
use crate::openapi;
use crate::openapi::operation::Operation;
use crate::problem::Problem;
use crate::route::Route;

#[derive(Clone)]
pub(crate) struct Routes(Arc<HashMap<Endpoint, BoxedFilter<(Response,)>>>);

impl Routes {
    pub(crate) fn all() -> Self {
        Self::of([
            artifacts::routes(),
            auth::routes(),
            baselines::routes(),
            dead_letters::routes(),
            docs::routes(openapi::text(operations())),
            environments::routes(),
            evaluate::routes(),
            health::routes(),
            jobs::routes(),
            metrics::routes(),
            webhooks::routes(),
            pauses::routes(),
            workers::routes(),
        ])
    }

    /// What operators and orchestrators ask every process.
    pub(crate) fn operations() -> Self {
        Self::of([health::routes(), metrics::routes()])
    }

    fn of<const N: usize>(routes: [Vec<Route>; N]) -> Self {
        Self(Arc::new(routes.into_iter().flatten().collect()))
    }

    /// Answers an authorized request.
    pub(crate) async fn call<B>(
        &self,
        endpoint: Endpoint,
        call: Call,
        mut request: Request<B>,
    ) -> Response
    where
        B: hyper::body::Body + Send + Sync + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        request.extensions_mut().insert(call);
        match self.0.get(&endpoint) {
            Some(filter) => warp::service(filter.clone())
                .call(request)
                .await
                .unwrap_or_else(|never| match never {}),
            None => Problem::no_such_path().into_response(),
        }
    }
}

/// What each endpoint takes and answers.
pub(crate) fn operations() -> Vec<(Endpoint, Operation)> {
    let operations = [
        artifacts::operations(),
        auth::operations(),
        baselines::operations(),
        dead_letters::operations(),
        docs::operations(),
        environments::operations(),
        evaluate::operations(),
        health::operations(),
        jobs::operations(),
        metrics::operations(),
        webhooks::operations(),
        pauses::operations(),
        workers::operations(),
    ];
    operations.into_iter().flatten().collect()
}
