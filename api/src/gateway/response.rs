//! What every response carries.

use std::time::Duration;

use warp::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use warp::http::request::Parts;
use warp::http::{HeaderMap, HeaderName, HeaderValue, Response, Version};

use super::rate_limit::RateLimit;
use crate::auth::caller::Identity;
use crate::call::Call;
use crate::context::Context;
use crate::endpoint::Rule;

/// Says that an answer comes from a replica, which may lag behind the primary that is away.
const READ_FROM: HeaderName = HeaderName::from_static("x-tars-read-from");
/// Says in how many seconds the access token ends, once that is soon: time to refresh it.
const TOKEN_EXPIRES: HeaderName = HeaderName::from_static("x-token-expires-in");

/// An access token that ends sooner than this is accepted with a hint to refresh it.
const REFRESH_HINT_BEFORE: Duration = Duration::from_mins(5);

/// Adds what every response carries, unless its handler has set the same header.
pub(super) fn finish_response<B>(
    mut response: Response<B>,
    context: &Context,
    rule: Option<Rule>,
    rate_limit: &RateLimit,
) -> Response<B> {
    let headers = response.headers_mut();
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
    headers.extend(rate_limit.headers());
    response
}

/// Clients of HTTP/1.0 keep a connection only where both sides say so. hyper answers those that
/// ask for it; the others are told that it is closed.
pub(super) fn connection_notice(head: &Parts) -> HeaderMap {
    let keeps = |value: &HeaderValue| {
        let value = value.to_str().unwrap_or_default();
        let mut options = value.split(',');
        options.any(|option| option.trim().eq_ignore_ascii_case("keep-alive"))
    };
    if head.version != Version::HTTP_10 || head.headers.get_all(CONNECTION).iter().any(keeps) {
        return HeaderMap::new();
    }
    HeaderMap::from_iter([(CONNECTION, HeaderValue::from_static("close"))])
}

/// The hint that an access token ends soon.
pub(super) fn refresh_hint(call: &Call) -> HeaderMap {
    let Identity::User { until, .. } = call.caller.identity else {
        return HeaderMap::new();
    };
    let left = (until - call.context.services.clock.now())
        .to_std()
        .unwrap_or_default();
    if left >= REFRESH_HINT_BEFORE {
        return HeaderMap::new();
    }
    HeaderMap::from_iter([(TOKEN_EXPIRES, HeaderValue::from(left.as_secs()))])
}
