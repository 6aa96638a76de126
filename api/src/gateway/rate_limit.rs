//! Counts each request for its limit, and says in the response what is left of it.

use std::net::IpAddr;

use tars_shared::limiter::{Decision, Rate};
use warp::http::{HeaderMap, HeaderName, HeaderValue};

use crate::auth::caller::{Caller, Identity};
use crate::client_address::network_of;
use crate::context::Context;
use crate::endpoint::Limit;
use crate::problem::Problem;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// The limit that a request was counted for. None yet, or none that is set.
#[derive(Debug, Default)]
pub(super) struct RateLimit(Option<(u32, Decision)>);

impl RateLimit {
    /// Counts a request of this caller.
    pub(super) async fn count(
        &mut self,
        context: &Context,
        limit: Limit,
        caller: &Caller,
    ) -> Result<(), Problem> {
        let limits = &context.limits;
        let (name, rate) = match limit {
            Limit::Public => ("public", limits.public),
            Limit::Probes => ("probes", limits.probes),
            Limit::Auth => ("auth", limits.auth),
            Limit::Writes => ("writes", limits.writes),
            Limit::Reads => ("reads", limits.reads),
        };
        match &caller.identity {
            Identity::Anonymous => {
                self.take(
                    context,
                    &format!("{name}:{}", network_of(caller.address)),
                    rate,
                )
                .await
            }
            Identity::User { name: user, .. } => {
                self.take(context, &format!("{name}:user:{user}"), rate)
                    .await
            }
            Identity::ServiceToken {
                id,
                requests_per_minute,
                ..
            } => {
                let rate = requests_per_minute.map_or(limits.tokens, Rate::per_minute);
                self.take(context, &format!("token:{id}"), rate).await
            }
        }
    }

    /// Counts a request of nobody in particular.
    pub(super) async fn count_anonymous(
        &mut self,
        context: &Context,
        address: IpAddr,
    ) -> Result<(), Problem> {
        self.count(context, Limit::Public, &Caller::anonymous(address))
            .await
    }

    async fn take(&mut self, context: &Context, key: &str, rate: Rate) -> Result<(), Problem> {
        let Some(requests) = rate.requests else {
            return Ok(());
        };
        let decision = context.services.limiter.count(key, rate).await;
        self.0 = Some((requests, decision));
        if decision.allowed {
            Ok(())
        } else {
            Err(Problem::too_many(decision.retry_after, "requests"))
        }
    }

    /// `X-RateLimit-*`: the limit, what is left of it, and the seconds until all of it is there
    /// again.
    pub(super) fn headers(&self) -> HeaderMap {
        let Some((limit, decision)) = self.0 else {
            return HeaderMap::new();
        };
        let reset = u64::try_from(decision.reset.as_millis().div_ceil(1000)).unwrap_or(u64::MAX);
        HeaderMap::from_iter([
            (LIMIT, HeaderValue::from(limit)),
            (REMAINING, HeaderValue::from(decision.remaining)),
            (RESET, HeaderValue::from(reset)),
        ])
    }
}
