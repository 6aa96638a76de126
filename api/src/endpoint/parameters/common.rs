//! Parameters that several endpoints have, or that take more than a line to describe.

use crate::endpoint::parameter::{
    ALGORITHM, CURSOR_FORM, ENVIRONMENT, KEY_FORM, Kind, Location, Parameter, SHA256, TAGS_FORM,
    path, query,
};
use crate::label;

pub(super) const SOME_ID: &str = "0192f0c1-2a3b-7c4d-8e5f-001122334455";
pub(super) const JOB_ID: Parameter = path("id", Kind::Uuid, "The job's id.", SOME_ID);
pub(super) const LIMIT: Parameter = query(
    "limit",
    Kind::Number {
        min: 1,
        max: 200,
        default: 50,
    },
    "Entries of the page.",
    "50",
);
pub(super) const CURSOR: Parameter = query(
    "cursor",
    Kind::Text(CURSOR_FORM),
    "`next_cursor` of the page before. Leave it out for the first page.",
    "",
);
pub(super) const AGENT_TYPE: Parameter = query(
    "agent_type",
    Kind::Text(ALGORITHM),
    "Only this algorithm.",
    "DQN",
);
pub(super) const ENVIRONMENT_ID: Parameter = query(
    "environment",
    Kind::Text(ENVIRONMENT),
    "Only this Gymnasium id.",
    "CartPole-v1",
);
pub(super) const IDEMPOTENCY_KEY: Parameter = Parameter {
    name: "Idempotency-Key",
    location: Location::Header,
    kind: Kind::Text(KEY_FORM),
    description: "The same key with the same body gives the same job, however often it is sent. With another body it gives \
                  409. Without a key every request is a new job.",
    example: "nightly-2026-11-25",
};
pub(super) const IF_NONE_MATCH: Parameter = Parameter {
    name: "If-None-Match",
    location: Location::Header,
    kind: Kind::Text(TAGS_FORM),
    description: "Tags of answers that the caller has. An answer that one of them stands for is not sent again: 304.",
    example: "\"3f786850e387550fdab836ed7e6dc881\"",
};
pub(super) const JOB_STATUS: Parameter = query(
    "status",
    Kind::OneOf(&["queued", "running", "completed", "failed", "cancelled"]),
    "Only jobs in this status.",
    "completed",
);
pub(super) const LABEL: Parameter = query(
    "label",
    Kind::Text(label::FORM),
    "Only jobs with this label, as `name:value`.",
    "team:blue",
);
pub(super) const WAIT: Parameter = query(
    "wait",
    Kind::Number {
        min: 0,
        max: 60,
        default: 0,
    },
    "Seconds to wait for the end of the job, if it has not ended yet.",
    "0",
);
pub(super) const TOP_N: Parameter = query(
    "top_n",
    Kind::Number {
        min: 1,
        max: 100,
        default: 10,
    },
    "Ranks to show of each environment.",
    "3",
);
pub(super) const KIND: Parameter = query(
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
pub(super) const DELIVERY_STATE: Parameter = query(
    "state",
    Kind::OneOf(&["pending", "delivered", "dead"]),
    "Only webhooks in this state.",
    "dead",
);
pub(super) const ACTION: Parameter = query(
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
pub(super) const ACTOR: Parameter = query(
    "actor",
    Kind::Text(
        "^(command|service|user:[a-z0-9][a-z0-9._@-]{0,63}|token:[a-z0-9][a-z0-9._@-]{0,63})$",
    ),
    "Only what this actor did.",
    "user:admin",
);

pub(super) const GONE: Parameter = query(
    "gone",
    Kind::OneOf(&["true", "false"]),
    "Whether workers that have gone are listed too, for a day.",
    "true",
);
pub(super) const DOCS_FILE: Parameter = path(
    "file",
    Kind::Text("^[a-z0-9.-]{1,64}$"),
    "A file of Swagger UI.",
    "swagger-ui.css",
);
pub(super) const ARTIFACT: Parameter = path(
    "sha256",
    Kind::Text(SHA256),
    "The SHA-256 that the file must have.",
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
);
