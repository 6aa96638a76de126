//! The one way in: every request passes here before any route sees it, and every answer passes here
//! on its way out.
//!
//! In this order: the path and method must be in the table; the caller must show who they are, if
//! it asks for that; they must not ask too often; their role must suffice; every parameter must
//! fit. Only then a handler runs.

pub(crate) mod address;
mod allowance;
mod outgoing;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use tars_shared::account::Role;
use warp::http::header::AUTHORIZATION;
use warp::http::{HeaderMap, Request, StatusCode};
use warp::reply::{Reply as _, Response};

use self::allowance::Allowance;
use crate::auth::Caller;
use crate::endpoint::{self, Access, Endpoint, Found, Rule};
use crate::problem::Problem;
use crate::query::Values;
use crate::routes::{Context, Routes};

/// The door, and what lies behind it.
#[derive(Clone)]
pub(crate) struct Door {
    context: Arc<Context>,
    routes: Routes,
    endpoints: &'static [Endpoint],
}

/// What a route finds in the request's extensions: it has been let in.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    pub(crate) caller: Caller,
    pub(crate) values: Values,
}

impl Door {
    pub(crate) fn new(
        context: Arc<Context>,
        routes: Routes,
        endpoints: &'static [Endpoint],
    ) -> Self {
        Self {
            context,
            routes,
            endpoints,
        }
    }

    /// Answers a request. `peer` is the other end of the connection.
    pub(crate) async fn pass<B>(&self, mut request: Request<B>, peer: IpAddr) -> Response
    where
        B: hyper::body::Body + Send + Sync + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let start = Instant::now();
        let address = self.context.proxies.client(peer, request.headers());
        // Borrowed parts of the request end before it goes on.
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let found = endpoint::find(self.endpoints, &method, uri.path());
        let mut allowance = Allowance::default();
        let (rule, answer) = match found {
            Found::Endpoint(endpoint, segments) => {
                let rule = endpoint.rule();
                let admitted = self.admit(
                    endpoint,
                    &segments,
                    uri.query(),
                    request.headers(),
                    address,
                    &mut allowance,
                );
                let answer = match admitted.await {
                    Ok(admission) => {
                        let hint = outgoing::refresh_hint(
                            &admission.caller,
                            self.context.services.clock.now(),
                        );
                        request.extensions_mut().insert(Arc::new(admission));
                        let mut response = self.routes.call(endpoint, request).await;
                        response.headers_mut().extend(hint);
                        response
                    }
                    Err(problem) => problem.into_response(),
                };
                (Some(rule), answer)
            }
            Found::NoPath => (
                None,
                self.turn_away(address, &mut allowance, Problem::no_such_path())
                    .await,
            ),
            Found::OtherMethods(allowed) => (
                None,
                self.turn_away(
                    address,
                    &mut allowance,
                    Problem::method_not_allowed(&allowed),
                )
                .await,
            ),
        };
        let answer = outgoing::dress(answer, &self.context, rule, &allowance);
        self.count(rule, &answer, start);
        answer
    }

    async fn admit(
        &self,
        endpoint: Endpoint,
        segments: &[&str],
        query: Option<&str>,
        headers: &HeaderMap,
        address: IpAddr,
        allowance: &mut Allowance,
    ) -> Result<Admission, Problem> {
        let rule = endpoint.rule();
        let caller = match self.recognise(rule, headers, address).await {
            Ok(caller) => caller,
            Err(problem) => {
                // Guessing credentials costs what is public: by address.
                if problem.status() == StatusCode::UNAUTHORIZED {
                    allowance.count_stranger(&self.context, address).await?;
                }
                return Err(problem);
            }
        };
        allowance.count(&self.context, rule.limit, &caller).await?;
        check_role(rule, &caller)?;
        let values = Values::check(endpoint, segments, query, headers)?;
        Ok(Admission { caller, values })
    }

    /// Who calls.
    async fn recognise(
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
                self.context.gate.admit(credential, address).await
            }
            (Some(_), Some(_)) => Err(Problem::invalid_token()),
            (None, _) => {
                let detail = "send `Authorization: Bearer TOKEN`, with a token of POST /auth/login or a service token";
                Err(Problem::unauthorized("no_credentials", detail))
            }
        }
    }

    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.context.proxies.trusts(address)
    }

    /// What leads nowhere costs what is public.
    async fn turn_away(
        &self,
        address: IpAddr,
        allowance: &mut Allowance,
        problem: Problem,
    ) -> Response {
        let counted = allowance.count_stranger(&self.context, address).await;
        counted.err().unwrap_or(problem).into_response()
    }

    /// A path that is not in the table is whatever the client made up: it must not become a label.
    fn count(&self, rule: Option<Rule>, answer: &Response, start: Instant) {
        let metrics = &self.context.services.metrics;
        let (method, path) = rule.map_or(("", "unmatched"), |rule| (rule.method, rule.path));
        metrics
            .http_requests
            .with_label_values(&[path, method, answer.status().as_str()])
            .inc();
        if rule.is_some() {
            metrics
                .http_request_duration
                .with_label_values(&[path, method])
                .observe(start.elapsed().as_secs_f64());
        }
    }
}

/// Whether a caller's role suffices.
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
