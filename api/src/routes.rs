//! What lies behind the door. Each file gives boxed filters, which keeps compile times flat.

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

use std::collections::HashMap;
use std::sync::Arc;

use tars_shared::services::Services;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;
use warp::Filter;
use warp::Rejection;
use warp::filters::BoxedFilter;
use warp::http::{Request, StatusCode};
use warp::reply::{Reply, Response};

use crate::auth::{Caller, Gate};
use crate::crowd::Crowd;
use crate::door::Admission;
use crate::door::address::Proxies;
use crate::endpoint::Endpoint;
use crate::limits::Limits;
use crate::openapi::operation::Operation;
use crate::problem::Problem;
use crate::query::Values;
use crate::recover::recover;
use crate::unrecorded::Unrecorded;

/// What handlers work with.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) services: Services,
    /// What this process is ready for.
    pub(crate) duty: Duty,
    /// Who calls.
    pub(crate) gate: Gate,
    /// How often they may.
    pub(crate) limits: Limits,
    /// Whom the addresses of callers are taken from.
    pub(crate) proxies: Proxies,
    /// Who follows jobs: each follower asks the store again and again.
    pub(crate) followers: Arc<Crowd<String>>,
    /// When the gauges that are read from the parts were read last.
    pub(crate) gauges: tokio::sync::Mutex<Option<Instant>>,
    /// Jobs that were accepted while the store was away.
    pub(crate) unrecorded: Unrecorded,
    /// Long polls and streams end with the service.
    pub(crate) shutdown: CancellationToken,
}

/// What a process is there for, and so what it needs to be ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Accepting jobs: one durable home is enough.
    Accept,
    /// Working on them: it needs the queue and the store.
    Work,
}

/// A request that has been let in, as handlers see it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) context: Arc<Context>,
    admission: Arc<Admission>,
}

impl Call {
    /// Who calls.
    pub(crate) fn caller(&self) -> &Caller {
        &self.admission.caller
    }

    /// The values of its parameters.
    pub(crate) fn values(&self) -> &Values {
        &self.admission.values
    }
}

/// An endpoint and what answers it.
type Route = (Endpoint, BoxedFilter<(Response,)>);

/// What answers each endpoint.
#[derive(Clone)]
pub(crate) struct Routes(Arc<HashMap<Endpoint, BoxedFilter<(Response,)>>>);

impl Routes {
    /// The whole API.
    pub(crate) fn all(context: &Arc<Context>) -> Self {
        let routes = [
            artifacts::routes(context),
            auth::routes(context),
            baselines::routes(context),
            dead_letters::routes(context),
            docs::routes(context),
            environments::routes(context),
            evaluate::routes(context),
            jobs::routes(context),
        ];
        Self(Arc::new(
            routes
                .into_iter()
                .flatten()
                .chain(of_operators(context))
                .collect(),
        ))
    }

    /// What operators and orchestrators ask every process.
    pub(crate) fn operations(context: &Arc<Context>) -> Self {
        Self(Arc::new(of_operators(context).collect()))
    }

    /// Answers a request that has been let in.
    pub(crate) async fn call<B>(&self, endpoint: Endpoint, request: Request<B>) -> Response
    where
        B: hyper::body::Body + Send + Sync + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match self.0.get(&endpoint) {
            Some(filter) => warp::service(filter.clone())
                .call(request)
                .await
                .unwrap_or_else(|never| match never {}),
            None => Problem::no_such_path().into_response(),
        }
    }
}

fn of_operators(context: &Arc<Context>) -> impl Iterator<Item = Route> {
    health::routes(context)
        .into_iter()
        .chain(metrics::routes(context))
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
    ];
    operations.into_iter().flatten().collect()
}

/// The request that has been let in.
fn enter(context: &Arc<Context>) -> BoxedFilter<(Call,)> {
    let context = context.clone();
    warp::ext::get::<Arc<Admission>>()
        .map(move |admission| Call {
            context: context.clone(),
            admission,
        })
        .boxed()
}

/// One route: turns what its handler returns into an answer.
fn route<R: Reply + 'static>(
    endpoint: Endpoint,
    handler: impl Filter<Extract = (Result<R, Problem>,), Error = Rejection>
    + Clone
    + Send
    + Sync
    + 'static,
) -> Route {
    let answer = handler.map(|result: Result<R, Problem>| match result {
        Ok(reply) => reply.into_response(),
        Err(problem) => problem.into_response(),
    });
    (endpoint, answer.recover(recover).unify().boxed())
}

/// A JSON answer.
fn json(status: StatusCode, value: &impl serde::Serialize) -> Response {
    warp::reply::with_status(warp::reply::json(value), status).into_response()
}

/// An answer without a body.
fn nothing() -> Response {
    StatusCode::NO_CONTENT.into_response()
}
