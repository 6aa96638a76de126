//! The parameters of every endpoint: what may stand in paths, query strings and headers.
//!
//! Whatever is not named here is refused, and so is every value that does not fit, before a handler
//! or a database sees it. The OpenAPI document is made of the same descriptions.

mod common;
mod dead_letters;

use self::common::{
    ACTION, ACTOR, AGENT_TYPE, ARTIFACT, CURSOR, DELIVERY_STATE, DOCS_FILE, ENVIRONMENT_ID, GONE,
    IDEMPOTENCY_KEY, IF_NONE_MATCH, JOB_ID, JOB_STATUS, LABEL, LIMIT, SOME_ID, TOP_N, WAIT,
};
use super::Endpoint;
use super::parameter::{ALGORITHM, Kind, NAME, Parameter, WORKER, path};

impl Endpoint {
    /// Its parameters. Those in its path come first, in their order.
    pub(crate) fn parameters(self) -> &'static [Parameter] {
        match self {
            Self::DocsFile => const { &[DOCS_FILE] },
            Self::ShowUser | Self::ChangeUser => {
                const { &[path("name", Kind::Text(NAME), "The user's name.", "admin")] }
            }
            Self::ListUsers | Self::ListServiceTokens => const { &[LIMIT, CURSOR] },
            Self::RotateServiceToken | Self::RevokeServiceToken => {
                const { &[path("id", Kind::Uuid, "The token's id.", SOME_ID)] }
            }
            Self::ListAudit => const { &[ACTOR, ACTION, LIMIT, CURSOR] },
            Self::Evaluate | Self::EvaluateBatch => const { &[IDEMPOTENCY_KEY] },
            Self::ListJobs => {
                const { &[JOB_STATUS, AGENT_TYPE, ENVIRONMENT_ID, LABEL, LIMIT, CURSOR] }
            }
            Self::ShowJob => const { &[JOB_ID, WAIT, IF_NONE_MATCH] },
            Self::FollowJob
            | Self::ListJobWebhooks
            | Self::CancelJob
            | Self::RetryJob
            | Self::PromoteJob => const { &[JOB_ID] },
            Self::PutNamedArtifact => const { &[ARTIFACT] },
            Self::ListBaselines => const { &[AGENT_TYPE, ENVIRONMENT_ID, LIMIT, CURSOR] },
            Self::TopBaselines => {
                const {
                    &[
                        path("agent_type", Kind::Text(ALGORITHM), "The algorithm.", "DQN"),
                        ENVIRONMENT_ID,
                        TOP_N,
                    ]
                }
            }
            Self::ListDeadLetters => dead_letters::LIST,
            Self::SummarizeDeadLetters => dead_letters::SUMMARY,
            Self::ShowDeadLetter => dead_letters::SHOW,
            Self::BeginReplay => dead_letters::BEGIN_REPLAY,
            Self::ListReplays => dead_letters::REPLAYS,
            Self::ShowReplay
            | Self::AdjustReplay
            | Self::FollowReplay
            | Self::PauseReplay
            | Self::ResumeReplay
            | Self::CancelReplay => dead_letters::REPLAY,
            Self::ListReplayItems | Self::ExportReplayItems => dead_letters::ITEMS,
            Self::ListWebhooks => const { &[DELIVERY_STATE, LIMIT, CURSOR] },
            Self::RedeliverWebhook => {
                const { &[path("id", Kind::Uuid, "The webhook's id.", SOME_ID)] }
            }
            Self::EndPause => const { &[path("id", Kind::Uuid, "The pause's id.", SOME_ID)] },
            Self::ListWorkers => const { &[GONE, LIMIT, CURSOR] },
            Self::DrainWorker => {
                const {
                    &[path(
                        "name",
                        Kind::Text(WORKER),
                        "The worker's name.",
                        "worker-host-4711",
                    )]
                }
            }
            Self::Health
            | Self::Livez
            | Self::Readyz
            | Self::Metrics
            | Self::OpenApi
            | Self::Docs
            | Self::Login
            | Self::Refresh
            | Self::Logout
            | Self::Me
            | Self::ChangePassword
            | Self::AddUser
            | Self::CreateServiceToken
            | Self::ListKeys
            | Self::RotateKeys
            | Self::PutArtifact
            | Self::ListEnvironments
            | Self::WorkersWanted
            | Self::DiscardDeadLetters
            | Self::RestoreDeadLetters
            | Self::ListPauses
            | Self::BeginPause
            | Self::CancelJobs
            | Self::AddBaseline => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use tars_shared::account::{Action, Name};
    use tars_shared::job::{FailureKind, Status};
    use tars_shared::webhook::DeliveryState;

    use tars_engine::policy_file::Algorithm;

    use super::common::KIND;
    use super::*;
    use crate::endpoint::parameter::Location;

    fn all() -> impl Iterator<Item = &'static Parameter> {
        Endpoint::ALL
            .iter()
            .flat_map(|endpoint| endpoint.parameters())
    }

    #[test]
    fn examples_fit_and_injections_do_not() {
        for parameter in all().filter(|parameter| !parameter.example.is_empty()) {
            assert_eq!(
                parameter.kind.check(parameter.example),
                Ok(()),
                "{}",
                parameter.name
            );
        }
        for parameter in all()
            .filter(|parameter| !["label", "reason", "Idempotency-Key"].contains(&parameter.name))
        {
            // A list may be empty.
            assert_eq!(
                parameter.kind.check("").is_ok(),
                parameter.name == "If-None-Match",
                "{}",
                parameter.name
            );
            for text in [
                "' OR '1'='1",
                "1; DROP TABLE jobs--",
                "a\0",
                "a\nb",
                "1 UNION SELECT 1",
                "x' AND pg_sleep(9)--",
            ] {
                assert!(
                    parameter.kind.check(text).is_err(),
                    "{} takes {text:?}",
                    parameter.name
                );
            }
        }
    }

    #[test]
    fn paths_name_their_parameters_in_order() {
        for endpoint in Endpoint::ALL {
            let path = endpoint.rule().path;
            let named: Vec<_> = path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                .collect();
            let described: Vec<_> = endpoint
                .parameters()
                .iter()
                .take_while(|parameter| parameter.location == Location::Path)
                .map(|parameter| parameter.name)
                .collect();
            assert_eq!(described, named, "{path}");
        }
    }

    #[test]
    fn words_and_patterns_are_those_of_the_model() {
        let words = |parameter: Parameter| match parameter.kind {
            Kind::OneOf(words) => words,
            other => panic!("{other:?}"),
        };
        assert_eq!(words(JOB_STATUS), Status::ALL.map(Status::as_str));
        assert_eq!(words(KIND), FailureKind::ALL.map(FailureKind::as_str));
        let states = DeliveryState::ALL.map(DeliveryState::as_str);
        assert_eq!(words(DELIVERY_STATE), states);
        assert_eq!(
            words(ACTION),
            Action::ALL
                .iter()
                .map(|action| action.as_str())
                .collect::<Vec<_>>()
        );
        for text in ["DQN", "a2c", "Ppo", "DDPG", "SAC", "dqnx", ""] {
            assert_eq!(
                Kind::Text(ALGORITHM).check(text).is_ok(),
                Algorithm::from_str(text).is_ok(),
                "{text}"
            );
        }
        for text in [
            "ada",
            "a.b@c",
            "Ada",
            "-a",
            "",
            &"a".repeat(64),
            &"a".repeat(65),
        ] {
            assert_eq!(
                Kind::Text(NAME).check(text).is_ok(),
                Name::from_str(text).is_ok(),
                "{text}"
            );
        }
    }
}
