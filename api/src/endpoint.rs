//! Every endpoint, and who may use it: the one table that routing, access, limits, the OpenAPI
//! document and the tests read.
//!
//! A request that matches no row is answered before any handler is looked at, so nothing is
//! reachable by omission.

pub(crate) mod parameter;
mod parameters;

use std::collections::BTreeMap;

use tars_shared::account::Role;
use warp::http::Method;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Public,
    /// Accounts of at least this role.
    AtLeast(Role),
}

/// Which limit a request counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// What needs no account.
    Public,
    Probes,
    /// Logging in and managing accounts.
    Auth,
    Writes,
    Reads,
}

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
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Endpoint {
            $($name,)*
        }

        impl Endpoint {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)*];

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
    PUT   "/v1/artifacts/{sha256}"              Developer Writes PutNamedArtifact,
    GET   "/v1/jobs"                            Viewer    Reads  ListJobs,
    GET   "/v1/jobs/{id}"                       Viewer    Reads  ShowJob,
    GET   "/v1/jobs/{id}/events"                Viewer    Reads  FollowJob,
    GET   "/v1/jobs/{id}/webhooks"              Viewer    Reads  ListJobWebhooks,
    POST  "/v1/jobs/cancel"                     Admin     Writes CancelJobs,
    POST  "/v1/jobs/{id}/cancel"                Developer Writes CancelJob,
    POST  "/v1/jobs/{id}/retry"                 Developer Writes RetryJob,
    POST  "/v1/jobs/{id}/promote"               Admin     Writes PromoteJob,
    GET   "/v1/environments"                    Viewer    Reads  ListEnvironments,
    GET   "/v1/baselines"                       Viewer    Reads  ListBaselines,
    POST  "/v1/baselines"                       Admin     Writes AddBaseline,
    GET   "/v1/baselines/{agent_type}"          Viewer    Reads  TopBaselines,
    GET   "/v1/dead-letters"                    Viewer    Reads  ListDeadLetters,
    GET   "/v1/dead-letters/summary"            Viewer    Reads  SummarizeDeadLetters,
    GET   "/v1/dead-letters/{id}"               Viewer    Reads  ShowDeadLetter,
    POST  "/v1/dead-letters/discard"            Admin     Writes DiscardDeadLetters,
    POST  "/v1/dead-letters/restore"            Admin     Writes RestoreDeadLetters,
    GET   "/v1/dead-letters/replays"            Viewer    Reads  ListReplays,
    POST  "/v1/dead-letters/replays"            Admin     Writes BeginReplay,
    GET   "/v1/dead-letters/replays/{id}"       Viewer    Reads  ShowReplay,
    PATCH "/v1/dead-letters/replays/{id}"       Admin     Writes AdjustReplay,
    GET   "/v1/dead-letters/replays/{id}/events" Viewer   Reads  FollowReplay,
    GET   "/v1/dead-letters/replays/{id}/items" Viewer    Reads  ListReplayItems,
    GET   "/v1/dead-letters/replays/{id}/items.csv" Viewer Reads ExportReplayItems,
    POST  "/v1/dead-letters/replays/{id}/pause" Admin     Writes PauseReplay,
    POST  "/v1/dead-letters/replays/{id}/resume" Admin    Writes ResumeReplay,
    POST  "/v1/dead-letters/replays/{id}/cancel" Admin    Writes CancelReplay,
    GET   "/v1/webhooks/deliveries"             Viewer    Reads  ListWebhooks,
    POST  "/v1/webhooks/deliveries/{id}/redeliver" Admin  Writes RedeliverWebhook,
    GET   "/v1/pauses"                          Viewer    Reads  ListPauses,
    POST  "/v1/pauses"                          Admin     Writes BeginPause,
    DELETE "/v1/pauses/{id}"                    Admin     Writes EndPause,
    GET   "/v1/workers"                         Viewer    Reads  ListWorkers,
    POST  "/v1/workers/{name}/drain"            Admin     Writes DrainWorker,
    GET   "/v1/workers/wanted"                  Viewer    Reads  WorkersWanted,
}

impl Endpoint {
    /// What operators and orchestrators ask every process, workers too.
    pub(crate) const OPERATIONS: &'static [Self] =
        &[Self::Health, Self::Livez, Self::Readyz, Self::Metrics];
}

/// What a request's method and path lead to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// An endpoint, with the segments that stand for its parameters, still percent-encoded.
    Endpoint(Endpoint, Vec<String>),
    /// No endpoint has this path.
    NoPath,
    /// The path is there with these methods only.
    OtherMethods(String),
}

/// The endpoints of a process by their paths.
#[derive(Debug)]
pub(crate) struct Table(matchit::Router<Vec<Endpoint>>);

impl Table {
    /// # Panics
    /// When two paths of the table cannot be told apart, which a test rules out.
    pub(crate) fn of(endpoints: &[Endpoint]) -> Self {
        let mut by_path = BTreeMap::<_, Vec<_>>::new();
        for endpoint in endpoints {
            by_path
                .entry(endpoint.rule().path)
                .or_default()
                .push(*endpoint);
        }
        let mut router = matchit::Router::new();
        for (path, endpoints) in by_path {
            router
                .insert(path, endpoints)
                .expect("paths of the table do not contradict each other");
        }
        Self(router)
    }

    /// HEAD finds what GET finds.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Match {
        let method = if method == Method::HEAD {
            "GET"
        } else {
            method.as_str()
        };
        let Ok(found) = self.0.at(path) else {
            return Match::NoPath;
        };
        let same_method = |endpoint: &&Endpoint| endpoint.rule().method == method;
        if let Some(endpoint) = found.value.iter().find(same_method) {
            let segments = found.params.iter().map(|(_, segment)| segment.to_owned());
            return Match::Endpoint(*endpoint, segments.collect());
        }
        let mut allowed = Vec::new();
        for endpoint in found.value {
            allowed.push(endpoint.rule().method);
            if endpoint.rule().method == "GET" {
                allowed.push("HEAD");
            }
        }
        Match::OtherMethods(allowed.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(method: &str, path: &str) -> Match {
        Table::of(Endpoint::ALL).find(&method.parse().unwrap(), path)
    }

    #[test]
    fn methods_and_paths_lead_to_their_endpoints() {
        assert_eq!(
            find("GET", "/v1/jobs"),
            Match::Endpoint(Endpoint::ListJobs, vec![])
        );
        assert_eq!(
            find("HEAD", "/health"),
            Match::Endpoint(Endpoint::Health, vec![])
        );
        assert_eq!(
            find("POST", "/v1/jobs/a%20b/cancel"),
            Match::Endpoint(Endpoint::CancelJob, vec!["a%20b".to_owned()])
        );
        assert_eq!(
            find("DELETE", "/v1/baselines"),
            Match::OtherMethods("GET, HEAD, POST".to_owned())
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
            assert_eq!(find("GET", path), Match::NoPath, "{path}");
        }
    }

    #[test]
    fn no_two_endpoints_answer_one_request() {
        // Building the table fails for paths that overlap; what is left are rows of one path.
        let _table = Table::of(Endpoint::ALL);
        let rows = Endpoint::ALL
            .iter()
            .map(|endpoint| (endpoint.rule().path, endpoint.rule().method));
        let distinct: std::collections::BTreeSet<_> = rows.collect();
        assert_eq!(distinct.len(), Endpoint::ALL.len());
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
