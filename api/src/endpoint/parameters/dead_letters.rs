//! What dead letters and their replays are asked for by.

use super::common::{
    AGENT_TYPE, CURSOR, ENVIRONMENT_ID, IDEMPOTENCY_KEY, KIND, LABEL, LIMIT, SOME_ID,
};
use crate::endpoint::parameter::{Kind, Parameter, path, query};
use crate::moment;

const STATE: Parameter = query(
    "state",
    Kind::OneOf(&["open", "replayed", "discarded"]),
    "Only those of which this became.",
    "open",
);
const SUBMITTER: Parameter = query(
    "submitter",
    Kind::Text("^[a-z]{1,16}:[a-z0-9][a-z0-9._@-]{0,63}$"),
    "Only jobs of this account, as jobs name it.",
    "token:0192f0c1-2a3b-7c4d-8e5f-001122334455",
);
const REASON: Parameter = query(
    "reason",
    Kind::Text("^[^\\x00]{1,200}$"),
    "Only those whose reason holds this text, in any case.",
    "took longer",
);
const OLDER_THAN: Parameter = query(
    "older_than",
    Kind::Text(moment::FORM),
    "Only those that ended before this moment, or longer ago than this age.",
    "7d",
);
const NEWER_THAN: Parameter = query(
    "newer_than",
    Kind::Text(moment::FORM),
    "Only those that ended since this moment, or within this age.",
    "12h",
);
const FINGERPRINT: Parameter = query(
    "fingerprint",
    Kind::Text("^[0-9a-f]{16}$"),
    "Only those of this group of the summary.",
    "0f4c5c589d8e3f5d",
);
const OUTCOME: Parameter = query(
    "outcome",
    Kind::OneOf(&["remaining", "queued", "succeeded", "failed", "refused"]),
    "Only letters of which this became.",
    "failed",
);
const GROUPS: Parameter = query(
    "limit",
    Kind::Number {
        min: 1,
        max: 1000,
        default: 100,
    },
    "Groups to show, those with the most open letters.",
    "100",
);
const REPLAY_ID: Parameter = path("id", Kind::Uuid, "The replay's id.", SOME_ID);

pub(super) const LIST: &[Parameter] = &[
    KIND,
    AGENT_TYPE,
    ENVIRONMENT_ID,
    LABEL,
    SUBMITTER,
    REASON,
    OLDER_THAN,
    NEWER_THAN,
    STATE,
    FINGERPRINT,
    LIMIT,
    CURSOR,
];
pub(super) const SUMMARY: &[Parameter] = &[GROUPS];
pub(super) const SHOW: &[Parameter] = &[path("id", Kind::Uuid, "The dead letter's id.", SOME_ID)];
pub(super) const BEGIN_REPLAY: &[Parameter] = &[IDEMPOTENCY_KEY];
pub(super) const REPLAYS: &[Parameter] = &[LIMIT, CURSOR];
pub(super) const REPLAY: &[Parameter] = &[REPLAY_ID];
pub(super) const ITEMS: &[Parameter] = &[REPLAY_ID, OUTCOME, LIMIT, CURSOR];
