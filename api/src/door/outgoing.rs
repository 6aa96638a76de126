//! What every answer carries.

use chrono::{DateTime, Utc};
use warp::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use warp::http::{HeaderMap, HeaderName, HeaderValue};
use warp::reply::Response;

use super::allowance::Allowance;
use crate::auth::{Caller, Identity, NEARLY_OVER};
use crate::endpoint::Rule;
use crate::routes::Context;

/// Says that an answer comes from a replica, which may lag behind the primary that is away.
const READ_FROM: HeaderName = HeaderName::from_static("x-tars-read-from");
/// Says in how many seconds the access token ends, once that is soon: time to refresh it.
const TOKEN_EXPIRES: HeaderName = HeaderName::from_static("x-token-expires-in");

/// Adds what every answer carries. A route that has set a header knows better.
pub(super) fn dress(
    mut answer: Response,
    context: &Context,
    rule: Option<Rule>,
    allowance: &Allowance,
) -> Response {
    let headers = answer.headers_mut();
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
    ] {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if rule.is_some() && context.services.store.hosts.reads_from_replica() {
        headers.insert(READ_FROM, HeaderValue::from_static("replica"));
    }
    headers.extend(allowance.headers());
    answer
}

/// The hint that an access token is nearly over.
pub(super) fn refresh_hint(caller: &Caller, now: DateTime<Utc>) -> HeaderMap {
    let Identity::User { until, .. } = caller.identity else {
        return HeaderMap::new();
    };
    let left = (until - now).to_std().unwrap_or_default();
    if left >= NEARLY_OVER {
        return HeaderMap::new();
    }
    HeaderMap::from_iter([(TOKEN_EXPIRES, HeaderValue::from(left.as_secs()))])
}
