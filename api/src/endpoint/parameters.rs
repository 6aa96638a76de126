//! The parameters of every endpoint: what may stand in paths, query strings and headers.
//!
//! Whatever is not named here is refused, and so is every value that does not fit, before a handler
//! or a database sees it. The OpenAPI document is made of the same descriptions.

mod dead_letters;

use std::collections::HashMap;
use std::sync::LazyLock;

use regex_lite::Regex;
use serde_json::{Value, json};
use tars_engine::policy_file::Algorithm;
use uuid::Uuid;

use super::Endpoint;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Location {
    Path,
    Query,
    Header,
}

/// What a parameter may be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// A whole number within these bounds.
    Number { min: u32, max: u32, default: u32 },
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Text that this pattern matches from end to end. The pattern means the same here and in JSON
    /// Schema.
    Text(&'static str),
    /// A UUID with its hyphens.
    Uuid,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) location: Location,
    pub(crate) kind: Kind,
    pub(crate) description: &'static str,
    /// One that works. Empty where none can.
    pub(crate) example: &'static str,
}

const ALGORITHM: &str = "^([Dd][Qq][Nn]|[Aa]2[Cc]|[Pp][Pp][Oo]|[Dd][Dd][Pp][Gg]|[Ss][Aa][Cc]|[Tt][Dd]3|\
    [Tt][Qq][Cc]|[Qq][Rr][Dd][Qq][Nn]|[Tt][Rr][Pp][Oo]|[Aa][Rr][Ss]|\
    [Cc][Rr][Oo][Ss][Ss][Qq]|[Mm][Aa][Ss][Kk][Aa][Bb][Ll][Ee][Pp][Pp][Oo])$";
/// Gymnasium's form: a namespace at most, a name, a version.
const ENVIRONMENT: &str =
    "^([A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}/)?[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}$";
const CURSOR_FORM: &str = "^[A-Za-z0-9_-]{1,512}$";
const LABEL_FORM: &str = r"^[^:\x00-\x1f]{1,64}:[^\x00-\x1f]{0,256}$";
const KEY_FORM: &str = r"^[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?$";
/// `*`, or tags as RFC 9110 has them, without bytes beyond ASCII.
/// A list without a tag names nothing.
const TAGS_FORM: &str =
    r#"^(\*|(W/)?"[\x21\x23-\x7e]{0,64}"([ \t]*,[ \t]*(W/)?"[\x21\x23-\x7e]{0,64}"){0,15})?$"#;
const SHA256: &str = "^[0-9a-f]{64}$";
/// As `account::Name` has it.
const NAME: &str = "^[a-z0-9][a-z0-9._@-]{0,63}$";

/// As workers make theirs of their option, their host and their process.
const WORKER: &str = "^[A-Za-z0-9._-]{1,192}$";

const fn query(
    name: &'static str,
    kind: Kind,
    description: &'static str,
    example: &'static str,
) -> Parameter {
    Parameter {
        name,
        location: Location::Query,
        kind,
        description,
        example,
    }
}

const fn path(
    name: &'static str,
    kind: Kind,
    description: &'static str,
    example: &'static str,
) -> Parameter {
    Parameter {
        name,
        location: Location::Path,
        kind,
        description,
        example,
    }
}

const SOME_ID: &str = "0192f0c1-2a3b-7c4d-8e5f-001122334455";
const JOB_ID: Parameter = path("id", Kind::Uuid, "The job's id.", SOME_ID);
const LIMIT: Parameter = query(
    "limit",
    Kind::Number {
        min: 1,
        max: 200,
        default: 50,
    },
    "Entries of the page.",
    "50",
);
const CURSOR: Parameter = query(
    "cursor",
    Kind::Text(CURSOR_FORM),
    "`next_cursor` of the page before. Leave it out for the first page.",
    "",
);
const AGENT_TYPE: Parameter = query(
    "agent_type",
    Kind::Text(ALGORITHM),
    "Only this algorithm.",
    "DQN",
);
const ENVIRONMENT_ID: Parameter = query(
    "environment",
    Kind::Text(ENVIRONMENT),
    "Only this Gymnasium id.",
    "CartPole-v1",
);
const IDEMPOTENCY_KEY: Parameter = Parameter {
    name: "Idempotency-Key",
    location: Location::Header,
    kind: Kind::Text(KEY_FORM),
    description: "The same key with the same body gives the same job, however often it is sent. With another body it gives \
                  409. Without a key every request is a new job.",
    example: "nightly-2026-11-25",
};
const IF_NONE_MATCH: Parameter = Parameter {
    name: "If-None-Match",
    location: Location::Header,
    kind: Kind::Text(TAGS_FORM),
    description: "Tags of answers that the caller has. An answer that one of them stands for is not sent again: 304.",
    example: "\"3f786850e387550fdab836ed7e6dc881\"",
};
const JOB_STATUS: Parameter = query(
    "status",
    Kind::OneOf(&["queued", "running", "completed", "failed", "cancelled"]),
    "Only jobs in this status.",
    "completed",
);
const LABEL: Parameter = query(
    "label",
    Kind::Text(LABEL_FORM),
    "Only jobs with this label, as `name:value`.",
    "team:blue",
);
const WAIT: Parameter = query(
    "wait",
    Kind::Number {
        min: 0,
        max: 60,
        default: 0,
    },
    "Seconds to wait for the end of the job, if it has not ended yet.",
    "0",
);
const TOP_N: Parameter = query(
    "top_n",
    Kind::Number {
        min: 1,
        max: 100,
        default: 10,
    },
    "Ranks to show of each environment.",
    "3",
);
const KIND: Parameter = query(
    "kind",
    Kind::OneOf(&[
        "invalid_policy",
        "missing_artifact",
        "unknown_environment",
        "timeout",
        "evaluation",
        "worker_lost",
        "undeliverable",
        "unreadable_message",
    ]),
    "Only this sort of failure.",
    "timeout",
);
const DELIVERY_STATE: Parameter = query(
    "state",
    Kind::OneOf(&["pending", "delivered", "dead"]),
    "Only webhooks in this state.",
    "dead",
);
const ACTION: Parameter = query(
    "action",
    Kind::OneOf(&[
        "user.added",
        "user.role",
        "user.disabled",
        "user.enabled",
        "user.password",
        "session.opened",
        "session.ended",
        "session.reused",
        "token.created",
        "token.rotated",
        "token.revoked",
        "key.rotated",
        "keys.cleaned",
        "baseline.added",
        "replay.begun",
        "replay.paused",
        "replay.resumed",
        "replay.cancelled",
        "replay.adjusted",
        "dead_letters.discarded",
        "dead_letters.restored",
        "webhook.redelivered",
        "pause.begun",
        "pause.ended",
        "worker.drained",
        "jobs.cancelled",
    ]),
    "Only this action.",
    "user.role",
);
const ACTOR: Parameter = query(
    "actor",
    Kind::Text(
        "^(command|service|user:[a-z0-9][a-z0-9._@-]{0,63}|token:[a-z0-9][a-z0-9._@-]{0,63})$",
    ),
    "Only what this actor did.",
    "user:admin",
);

const GONE: Parameter = query(
    "gone",
    Kind::OneOf(&["true", "false"]),
    "Whether workers that have gone are listed too, for a day.",
    "true",
);

impl Endpoint {
    /// Its parameters. Those in its path come first, in their order.
    pub(crate) fn parameters(self) -> &'static [Parameter] {
        match self {
            Self::DocsFile => {
                const {
                    &[path(
                        "file",
                        Kind::Text("^[a-z0-9.-]{1,64}$"),
                        "A file of Swagger UI.",
                        "swagger-ui.css",
                    )]
                }
            }
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
            Self::PutNamedArtifact => {
                const {
                    &[path(
                        "sha256",
                        Kind::Text(SHA256),
                        "The SHA-256 that the file must have.",
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                    )]
                }
            }
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

/// The patterns of all endpoints.
static PATTERNS: LazyLock<HashMap<&'static str, Regex>> = LazyLock::new(|| {
    let parameters = Endpoint::ALL
        .iter()
        .flat_map(|endpoint| endpoint.parameters());
    let patterns = parameters.filter_map(|parameter| match parameter.kind {
        Kind::Text(pattern) => Some(pattern),
        Kind::Number { .. } | Kind::OneOf(_) | Kind::Uuid => None,
    });
    // A test looks at every one of them.
    patterns
        .map(|pattern| {
            (
                pattern,
                Regex::new(pattern).expect("the pattern is a regular expression"),
            )
        })
        .collect()
});

impl Kind {
    /// What is wrong with a value, if anything is.
    pub(crate) fn check(self, text: &str) -> Result<(), String> {
        let fits = match self {
            Self::Number { min, max, .. } => text
                .parse()
                .is_ok_and(|number: u32| (min..=max).contains(&number)),
            Self::OneOf(words) => words.contains(&text),
            Self::Text(pattern) => PATTERNS
                .get(pattern)
                .is_some_and(|regex| regex.is_match(text)),
            Self::Uuid => text.len() == 36 && Uuid::try_parse(text).is_ok(),
        };
        if fits {
            Ok(())
        } else {
            Err(self.expectation())
        }
    }

    fn expectation(self) -> String {
        match self {
            Self::Number { min, max, .. } => format!("must be a whole number from {min} to {max}"),
            Self::OneOf(words) => format!("must be one of {}", words.join(", ")),
            Self::Text(ALGORITHM) => {
                format!(
                    "must be one of {}",
                    Algorithm::ALL.map(Algorithm::name).join(", ")
                )
            }
            Self::Text(ENVIRONMENT) => {
                "must be a Gymnasium id such as CartPole-v1 or ALE/Pong-v5".to_owned()
            }
            Self::Text(CURSOR_FORM) => "must be the next_cursor of a page".to_owned(),
            Self::Text(LABEL_FORM) => "must be name:value, without control characters".to_owned(),
            Self::Text(KEY_FORM) => "must be 1 to 255 printable ASCII characters".to_owned(),
            Self::Text(NAME) => {
                "must be 1 to 64 small letters, digits and . _ @ -, a letter or digit first"
                    .to_owned()
            }
            Self::Text(TAGS_FORM) => {
                "must be * or up to 16 entity tags, in their quotes and separated by commas"
                    .to_owned()
            }
            Self::Text(WORKER) => "must be the name of a worker".to_owned(),
            Self::Text(SHA256) => "must be 64 hexadecimal digits, in small letters".to_owned(),
            Self::Text(pattern) => format!("must match {pattern}"),
            Self::Uuid => "must be a UUID such as 0192f0c1-2a3b-7c4d-8e5f-001122334455".to_owned(),
        }
    }

    /// As JSON Schema.
    pub(crate) fn schema(self) -> Value {
        match self {
            Self::Number { min, max, default } => {
                json!({"type": "integer", "minimum": min, "maximum": max, "default": default})
            }
            Self::OneOf(words) => json!({"type": "string", "enum": words}),
            Self::Text(pattern) => json!({"type": "string", "pattern": pattern}),
            Self::Uuid => json!({"type": "string", "format": "uuid"}),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use tars_shared::account::{Action, Name};
    use tars_shared::job::{FailureKind, Status};
    use tars_shared::webhook::DeliveryState;

    use super::*;

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
