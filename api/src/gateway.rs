//! Every request passes [`Gateway::handle`] before any handler sees it, and every response on its
//! way out.
//!
//! In this order: the head must be within its bounds; the path and method must be in the table of endpoints; the caller must show who
//! they are, if the endpoint asks for that; they must be within their rate limit; their role must
//! suffice; every parameter must fit. Only then a handler runs.

mod body_budget;
mod head;
mod rate_limit;
mod response;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use tars_shared::account::Role;
use warp::http::header::AUTHORIZATION;
use warp::http::request::Parts;
use warp::http::{HeaderMap, Request, StatusCode};
use warp::reply::{Reply as _, Response};

use self::body_budget::BodyBudget;
pub(crate) use self::body_budget::BudgetedBody;
use self::rate_limit::RateLimit;
use crate::auth::caller::Caller;
use crate::call::Call;
use crate::context::Context;
use crate::endpoint::{Access, Endpoint, Match, Rule, Table};
use crate::problem::Problem;
use crate::query::Values;
use crate::routes::Routes;

/// What stands between connections and handlers.
#[derive(Clone)]
pub(crate) struct Gateway {
    context: Arc<Context>,
    routes: Routes,
    endpoints: Arc<Table>,
    body_budget: BodyBudget,
}

impl Gateway {
    pub(crate) fn new(context: Arc<Context>, routes: Routes, endpoints: &[Endpoint]) -> Self {
        Self {
            context,
            routes,
            endpoints: Arc::new(Table::of(endpoints)),
            body_budget: BodyBudget::default(),
        }
    }

    /// Whether an address is a proxy of ours.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.context.proxies.trusts(address)
    }

    /// Answers a request. `peer` is the other end of the connection.
    pub(crate) async fn handle<B>(
        self,
        request: Request<B>,
        peer: IpAddr,
    ) -> warp::http::Response<BudgetedBody>
    where
        B: hyper::body::Body + Send + Sync + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let start = Instant::now();
        let (head, body) = request.into_parts();
        let address = self.context.proxies.client(peer, &head.headers);
        let mut rate_limit = RateLimit::default();
        let connection = response::connection_notice(&head);
        let found = head::check(&head).map(|()| self.endpoints.find(&head.method, head.uri.path()));
        let (rule, response) = match found {
            Ok(Match::Endpoint(endpoint, segments)) => {
                let authorized =
                    self.authorize(endpoint, &segments, &head, address, &mut rate_limit);
                let response = match authorized.await {
                    Ok(call) => {
                        let hint = response::refresh_hint(&call);
                        let request = Request::from_parts(head, body);
                        let mut response = self.routes.call(endpoint, call, request).await;
                        response.headers_mut().extend(hint);
                        response
                    }
                    Err(problem) => problem.into_response(),
                };
                (Some(endpoint.rule()), response)
            }
            Ok(Match::NoPath) => {
                let problem = Problem::no_such_path();
                (None, self.reject(address, &mut rate_limit, problem).await)
            }
            Ok(Match::OtherMethods(allowed)) => {
                let problem = Problem::method_not_allowed(&allowed);
                (None, self.reject(address, &mut rate_limit, problem).await)
            }
            Err(problem) => (None, self.reject(address, &mut rate_limit, problem).await),
        };
        let response = self.body_budget.charge(response);
        let mut response = response::finish_response(response, &self.context, rule, &rate_limit);
        response.headers_mut().extend(connection);
        self.count(rule, response.status(), start);
        response
    }

    async fn authorize(
        &self,
        endpoint: Endpoint,
        segments: &[String],
        head: &Parts,
        address: IpAddr,
        rate_limit: &mut RateLimit,
    ) -> Result<Call, Problem> {
        let rule = endpoint.rule();
        let caller = match self.authenticate(rule, &head.headers, address).await {
            Ok(caller) => caller,
            Err(problem) => {
                // Guessing credentials counts for the limit of public requests, by address.
                if problem.status() == StatusCode::UNAUTHORIZED {
                    rate_limit.count_anonymous(&self.context, address).await?;
                }
                return Err(problem);
            }
        };
        rate_limit.count(&self.context, rule.limit, &caller).await?;
        check_role(rule, &caller)?;
        let values = Values::check(endpoint, segments, head.uri.query(), &head.headers)?;
        Ok(Call {
            context: self.context.clone(),
            caller,
            values,
        })
    }

    async fn authenticate(
        &self,
        rule: Rule,
        headers: &HeaderMap,
        address: IpAddr,
    ) -> Result<Caller, Problem> {
        if rule.access == Access::Public {
            return Ok(Caller::anonymous(address));
        }
        let mut given = headers.get_all(AUTHORIZATION).iter();
        match (given.next(), given.next()) {
            (Some(value), None) => {
                let credential = value
                    .to_str()
                    .ok()
                    .and_then(bearer)
                    .ok_or_else(Problem::invalid_token)?;
                let authenticator = &self.context.authenticator;
                authenticator.authenticate(credential, address).await
            }
            (Some(_), Some(_)) => Err(Problem::invalid_token()),
            (None, _) => {
                let detail = "send `Authorization: Bearer TOKEN`, with a token of POST /auth/login or a service token";
                Err(Problem::unauthorized("no_credentials", detail))
            }
        }
    }

    /// Refuses a request that no endpoint takes. It counts for the limit of public requests.
    async fn reject(
        &self,
        address: IpAddr,
        rate_limit: &mut RateLimit,
        problem: Problem,
    ) -> Response {
        let counted = rate_limit.count_anonymous(&self.context, address).await;
        counted.err().unwrap_or(problem).into_response()
    }

    /// A path that is not in the table is the client's own text: it must not become a label.
    fn count(&self, rule: Option<Rule>, status: StatusCode, start: Instant) {
        let metrics = &self.context.services.metrics;
        let (method, path) = rule.map_or(("", "unmatched"), |rule| (rule.method, rule.path));
        metrics
            .http_requests
            .with_label_values(&[path, method, status.as_str()])
            .inc();
        if rule.is_some() {
            metrics
                .http_request_duration
                .with_label_values(&[path, method])
                .observe(start.elapsed().as_secs_f64());
        }
    }
}

fn check_role(rule: Rule, caller: &Caller) -> Result<(), Problem> {
    match (rule.access, caller.role()) {
        (Access::Public, _) => Ok(()),
        (Access::AtLeast(least), Some(theirs)) if theirs >= least => Ok(()),
        (Access::AtLeast(least), theirs) => {
            let theirs = theirs.map_or("anonymous", Role::as_str);
            let detail = format!("this needs the role {least}, and you are {theirs}");
            Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail))
        }
    }
}

/// The token of a bearer (RFC 6750).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
