//! Who may call what: the one place that decides it.
//!
//! There are no accounts yet. The API listens on loopback only, and everyone on this machine may do everything as
//! [`LOCAL`]. What a web page of somewhere else asks through a browser on this machine is refused.

use std::future::ready;

use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::http::HeaderMap;
use warp::http::header::{HOST, ORIGIN};

/// Everyone, until there are accounts.
const LOCAL: &str = "local";

/// What a caller must at least be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Nobody in particular.
    Public,
    /// Reads.
    Viewer,
    /// Reads and evaluates.
    Developer,
    /// Does everything.
    Admin,
}

/// Who calls.
#[derive(Debug, Clone)]
pub(crate) struct Subject(pub(crate) &'static str);

/// Why a caller was turned away.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) &'static str);

impl warp::reject::Reject for Refused {}

/// Lets callers of at least this role pass.
pub(crate) fn require(role: Role) -> BoxedFilter<(Subject,)> {
    warp::header::headers_cloned()
        .and_then(move |headers: HeaderMap| ready(admit(role, &headers).map_err(warp::reject::custom)))
        .boxed()
}

fn admit(role: Role, headers: &HeaderMap) -> Result<Subject, Refused> {
    let header = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match role {
        Role::Public => {}
        // Without accounts every caller of this machine is all of these.
        Role::Viewer | Role::Developer | Role::Admin => {
            if header(HOST).is_some_and(|host| !is_loopback(host)) {
                return Err(Refused("the Host header must name a loopback address"));
            }
            let page = header(ORIGIN).map(|origin| origin.split_once("://").map_or(origin, |(_, host)| host));
            if page.is_some_and(|host| !is_loopback(host)) {
                return Err(Refused("pages of other sites may not call this service"));
            }
        }
    }
    Ok(Subject(LOCAL))
}

/// Whether a `host[:port]` is this machine.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_hosts_are_told_from_others() {
        for host in ["localhost", "localhost:8099", "127.0.0.1:1", "[::1]:8099", "127.1.2.3"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["example.org", "localhost.example.org:80", "10.0.0.1", "", "null"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
