//! Which dead letters, as clients say it.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use tars_engine::policy_file::Algorithm;
use tars_shared::dead_letter::{DeadLetterFilter, State};
use tars_shared::job::FailureKind;
use tars_shared::replay::Selection;
use tars_shared::request::FieldError;
use uuid::Uuid;

use crate::label;
use crate::moment;
use crate::problem::Problem;

/// The most letters that are named one by one.
pub(super) const MAX_IDS: usize = 1000;

/// The most characters of a text to filter by.
const MAX_TEXT: usize = 256;

/// A text to filter by, for those who read the document.
const TEXT_FORM: &str = r"^[^\x00]{1,256}$";

/// Which dead letters: those that pass a filter. Every field narrows it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FilterBody {
    /// Only this sort of failure.
    kind: Option<FailureKind>,
    /// Only this algorithm.
    agent_type: Option<Algorithm>,
    /// Only jobs that name this Gymnasium id.
    #[schemars(extend("pattern" = TEXT_FORM))]
    environment: Option<String>,
    /// Only jobs with this label, as `name:value`.
    #[schemars(extend("pattern" = label::FORM))]
    label: Option<String>,
    /// Only jobs of this account, as jobs name it.
    #[schemars(extend("pattern" = TEXT_FORM))]
    submitter: Option<String>,
    /// Only those whose reason holds this text, in any case.
    #[schemars(extend("pattern" = TEXT_FORM))]
    reason: Option<String>,
    /// Only those that ended before this moment, or longer ago than this age.
    #[schemars(extend("pattern" = moment::FORM))]
    older_than: Option<String>,
    /// Only those that ended since this moment, or within this age.
    #[schemars(extend("pattern" = moment::FORM))]
    newer_than: Option<String>,
    /// Only those of which this became. What is replayed or discarded is open by default, what is restored discarded.
    state: Option<State>,
    /// Only those of this group of the summary.
    #[schemars(extend("pattern" = TEXT_FORM))]
    fingerprint: Option<String>,
}

/// The three ways to say which letters; exactly one is given.
pub(super) struct Given {
    pub(super) ids: Option<Vec<Uuid>>,
    pub(super) filter: Option<FilterBody>,
    pub(super) all: bool,
}

impl Given {
    /// The letters that are meant; of a filter those in this state, unless it names another.
    pub(super) fn selection(self, state: State, now: DateTime<Utc>) -> Result<Selection, Problem> {
        let filter = match (self.ids, self.filter, self.all) {
            (Some(ids), None, false) => return named(ids),
            (None, Some(filter), false) => {
                let narrowed = FilterBody {
                    state: None,
                    ..filter.clone()
                };
                if narrowed == FilterBody::default() {
                    let message = r#"a filter that narrows nothing means all of them: say so with "all": true"#;
                    return Err(Problem::invalid_field("filter", message));
                }
                filter.read(state, now).map_err(Problem::invalid)?
            }
            (None, None, true) => DeadLetterFilter {
                state: Some(state),
                ..DeadLetterFilter::default()
            },
            _ => {
                let message = r#"give exactly one of "ids", "filter" and "all": true"#;
                return Err(Problem::invalid_field("ids", message));
            }
        };
        Ok(Selection::Filter(Box::new(filter)))
    }
}

fn named(mut ids: Vec<Uuid>) -> Result<Selection, Problem> {
    if ids.is_empty() || ids.len() > MAX_IDS {
        let message = format!("give 1 to {MAX_IDS} ids, or a filter");
        return Err(Problem::invalid_field("ids", message));
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(Selection::Ids(ids))
}

impl FilterBody {
    fn read(self, state: State, now: DateTime<Utc>) -> Result<DeadLetterFilter, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut complain = |field: &str, message: &str| {
            errors.push(FieldError::new(format!("filter.{field}"), message));
        };
        for (field, text) in [
            ("environment", &self.environment),
            ("submitter", &self.submitter),
            ("reason", &self.reason),
            ("fingerprint", &self.fingerprint),
        ] {
            let fits = |text: &String| {
                !text.is_empty() && text.chars().count() <= MAX_TEXT && !text.contains('\0')
            };
            if !text.as_ref().is_none_or(fits) {
                complain(field, "must be 1 to 256 characters, none of them NUL");
            }
        }
        let label = self.label.as_deref().map(label::parse);
        if label == Some(None) {
            complain("label", "must be name:value");
        }
        let mut read = |field, text: Option<String>| {
            let moment = text.map(|text| moment::parse(&text, now)).transpose();
            moment.unwrap_or_else(|message| {
                complain(field, &message);
                None
            })
        };
        let older_than = read("older_than", self.older_than);
        let newer_than = read("newer_than", self.newer_than);
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(DeadLetterFilter {
            kind: self.kind,
            agent_type: self.agent_type,
            environment: self.environment,
            label: label.flatten(),
            submitter: self.submitter,
            reason: self.reason,
            older_than,
            newer_than,
            state: Some(self.state.unwrap_or(state)),
            fingerprint: self.fingerprint,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(json: &str) -> Result<Selection, Problem> {
        #[derive(Deserialize)]
        struct Body {
            ids: Option<Vec<Uuid>>,
            filter: Option<FilterBody>,
            #[serde(default)]
            all: bool,
        }
        let Body { ids, filter, all } = serde_json::from_str(json).unwrap();
        Given { ids, filter, all }.selection(State::Open, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn exactly_one_way_is_taken_and_nothing_means_nothing() {
        for refused in [
            "{}",
            r#"{"ids": []}"#,
            r#"{"filter": {}}"#,
            r#"{"filter": {"state": "open"}}"#,
            r#"{"filter": {"reason": ""}}"#,
            r#"{"filter": {"label": "blue"}}"#,
            r#"{"filter": {"older_than": "yesterday"}}"#,
            r#"{"filter": {"kind": "timeout"}, "all": true}"#,
            r#"{"ids": ["0192f0c1-2a3b-7c4d-8e5f-001122334455"], "all": true}"#,
        ] {
            assert!(selection(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_filter_means_open_letters_unless_it_says_otherwise() {
        let state = |json| match selection(json).unwrap() {
            Selection::Filter(filter) => filter.state,
            Selection::Ids(_) => None,
        };
        assert_eq!(state(r#"{"all": true}"#), Some(State::Open));
        assert_eq!(
            state(r#"{"filter": {"kind": "timeout"}}"#),
            Some(State::Open)
        );
        let discarded = r#"{"filter": {"kind": "timeout", "state": "discarded"}}"#;
        assert_eq!(state(discarded), Some(State::Discarded));
    }
}
