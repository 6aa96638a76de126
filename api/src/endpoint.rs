//! Every endpoint, and who may use it: the one table that routing, access, limits, the OpenAPI
//! document and the tests read.
//!
//! A request that matches no row is answered before any handler is looked at, so nothing is
//! reachable by omission.

pub(crate) mod parameters;

use tars_shared::account::Role;
use warp::http::Method;

/// Who may use an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anyone.
    Public,
    /// Accounts of at least this role.
    AtLeast(Role),
}

/// Which limit a request counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// What needs no account.
    Public,
    /// Probes and metrics.
    Probes,
    /// Logging in and managing accounts.
    Auth,
    /// Submitting and changing.
    Writes,
    /// Reading.
    Reads,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) method: &'static str,
    /// Segments in braces are parameters.
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(crate) limit: Limit,
}

macro_rules! endpoints {
    ($($method:ident $path:literal $access:ident $limit:ident $name:ident,)*) => {
        /// An endpoint.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Endpoint {
            $($name,)*
        }

        impl Endpoint {
            /// Every endpoint.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its row.
            pub(crate) fn rule(self) -> Rule {
                match self {
                    $(Self::$name => Rule {
                        method: stringify!($method),
                        path: $path,
                        access: $access,
                        limit: Limit::$limit,
                    },)*
                }
            }

            /// Its name, as the OpenAPI document has it.
            pub(crate) fn id(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

#[expect(
    non_upper_case_globals,
    reason = "the table reads better with the roles' own names"
)]
const Public: Access = Access::Public;
#[expect(
    non_upper_case_globals,
    reason = "the table reads better with the roles' own names"
)]
const Viewer: Access = Access::AtLeast(Role::Viewer);
#[expect(
    non_upper_case_globals,
    reason = "the table reads better with the roles' own names"
)]
const Developer: Access = Access::AtLeast(Role::Developer);
#[expect(
    non_upper_case_globals,
    reason = "the table reads better with the roles' own names"
)]
const Admin: Access = Access::AtLeast(Role::Admin);

endpoints! {
    // method, path, at least this role, limit, name
    GET   "/health"                             Public    Public Health,
    GET   "/livez"                              Public    Probes Livez,
    GET   "/readyz"                             Public    Probes Readyz,
    GET   "/metrics"                            Public    Probes Metrics,
    GET   "/openapi.json"                       Public    Public OpenApi,
    GET   "/docs"                               Public    Public Docs,
    GET   "/docs/{file}"                        Public    Public DocsFile,
    POST  "/auth/login"                         Public    Auth   Login,
    POST  "/auth/refresh"                       Public    Auth   Refresh,
    POST  "/auth/logout"                        Viewer    Auth   Logout,
    GET   "/auth/me"                            Viewer    Reads  Me,
    POST  "/auth/password"                      Viewer    Auth   ChangePassword,
    GET   "/auth/users"                         Admin     Reads  ListUsers,
    POST  "/auth/users"                         Admin     Auth   AddUser,
    GET   "/auth/users/{name}"                  Admin     Reads  ShowUser,
    PATCH "/auth/users/{name}"                  Admin     Auth   ChangeUser,
    GET   "/auth/service-tokens"                Admin     Reads  ListServiceTokens,
    POST  "/auth/service-tokens"                Admin     Auth   CreateServiceToken,
    POST  "/auth/service-tokens/{id}/rotate"    Admin     Auth   RotateServiceToken,
    POST  "/auth/service-tokens/{id}/revoke"    Admin     Auth   RevokeServiceToken,
    GET   "/auth/keys"                          Admin     Reads  ListKeys,
    POST  "/auth/keys/rotate"                   Admin     Auth   RotateKeys,
    GET   "/auth/audit"                         Admin     Reads  ListAudit,
    POST  "/v1/evaluate"                        Developer Writes Evaluate,
    POST  "/v1/evaluate/batch"                  Developer Writes EvaluateBatch,
    PUT   "/v1/artifacts"                       Developer Writes PutArtifact,
    GET   "/v1/jobs"                            Viewer    Reads  ListJobs,
    GET   "/v1/jobs/{id}"                       Viewer    Reads  ShowJob,
    GET   "/v1/jobs/{id}/events"                Viewer    Reads  FollowJob,
    POST  "/v1/jobs/{id}/cancel"                Developer Writes CancelJob,
    POST  "/v1/jobs/{id}/retry"                 Developer Writes RetryJob,
    POST  "/v1/jobs/{id}/promote"               Admin     Writes PromoteJob,
    GET   "/v1/environments"                    Viewer    Reads  ListEnvironments,
    GET   "/v1/baselines"                       Viewer    Reads  ListBaselines,
    POST  "/v1/baselines"                       Admin     Writes AddBaseline,
    GET   "/v1/baselines/{agent_type}"          Viewer    Reads  TopBaselines,
    GET   "/v1/dead-letters"                    Viewer    Reads  ListDeadLetters,
    GET   "/v1/dead-letters/{id}"               Viewer    Reads  ShowDeadLetter,
}

impl Endpoint {
    /// What operators and orchestrators ask every process, workers too.
    pub(crate) const OPERATIONS: &'static [Self] =
        &[Self::Health, Self::Livez, Self::Readyz, Self::Metrics];
}

/// What a request's method and path lead to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// An endpoint, with the segments that stand for its parameters, still percent-encoded.
    Endpoint(Endpoint, Vec<&'a str>),
    /// No endpoint has this path.
    NoPath,
    /// The path is there with these methods only.
    OtherMethods(String),
}

/// Looks among these endpoints. HEAD finds what GET finds.
pub(crate) fn find<'a>(among: &[Endpoint], method: &Method, path: &'a str) -> Found<'a> {
    let method = if method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    };
    let mut others = Vec::new();
    for endpoint in among {
        let rule = endpoint.rule();
        if let Some(parameters) = matches(rule.path, path) {
            if rule.method == method {
                return Found::Endpoint(*endpoint, parameters);
            }
            others.push(rule.method);
            if rule.method == "GET" {
                others.push("HEAD");
            }
        }
    }
    if others.is_empty() {
        Found::NoPath
    } else {
        Found::OtherMethods(others.join(", "))
    }
}

/// The segments in the places of a template's parameters, if the path has its form.
fn matches<'a>(template: &str, path: &'a str) -> Option<Vec<&'a str>> {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    let mut parameters = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(parameters),
            (Some(wanted), Some(given)) if wanted.starts_with('{') && !given.is_empty() => {
                parameters.push(given)
            }
            (Some(wanted), Some(given)) if wanted == given => {}
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find_any<'a>(method: &str, path: &'a str) -> Found<'a> {
        find(Endpoint::ALL, &method.parse().unwrap(), path)
    }

    #[test]
    fn methods_and_paths_lead_to_their_endpoints() {
        assert_eq!(
            find_any("GET", "/v1/jobs"),
            Found::Endpoint(Endpoint::ListJobs, vec![])
        );
        assert_eq!(
            find_any("HEAD", "/health"),
            Found::Endpoint(Endpoint::Health, vec![])
        );
        assert_eq!(
            find_any("POST", "/v1/jobs/a%20b/cancel"),
            Found::Endpoint(Endpoint::CancelJob, vec!["a%20b"])
        );
        assert_eq!(
            find_any("DELETE", "/v1/baselines"),
            Found::OtherMethods("GET, HEAD, POST".to_owned())
        );
        for path in [
            "",
            "/",
            "/v1",
            "/v1/jobs/",
            "/v1//jobs",
            "/v1/jobs/x/y",
            "/V1/jobs",
            "v1/jobs",
            "//v1/jobs",
            "/v1/jobs/../jobs",
        ] {
            assert_eq!(find_any("GET", path), Found::NoPath, "{path}");
        }
    }

    #[test]
    fn no_two_endpoints_answer_one_request() {
        for (index, one) in Endpoint::ALL.iter().enumerate() {
            for other in &Endpoint::ALL[index + 1..] {
                let (one, other) = (one.rule(), other.rule());
                let same = one.method == other.method && matches(one.path, other.path).is_some();
                assert!(!same, "{} {} and {}", one.method, one.path, other.path);
            }
        }
    }

    #[test]
    fn what_changes_something_is_never_public_but_for_credentials() {
        for endpoint in Endpoint::ALL {
            let rule = endpoint.rule();
            let credentials = [Endpoint::Login, Endpoint::Refresh].contains(endpoint);
            assert!(
                rule.method == "GET" || rule.access != Access::Public || credentials,
                "{endpoint:?}"
            );
        }
    }
}
