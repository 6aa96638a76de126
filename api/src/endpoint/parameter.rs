//! What a parameter may be, and whether a value fits.

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use regex_lite::Regex;
use serde_json::{Value, json};
use tars_engine::policy_file::Algorithm;
use uuid::Uuid;

use crate::label;

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

pub(in crate::endpoint) const ALGORITHM: &str = "^([Dd][Qq][Nn]|[Aa]2[Cc]|[Pp][Pp][Oo]|[Dd][Dd][Pp][Gg]|[Ss][Aa][Cc]|[Tt][Dd]3|\
    [Tt][Qq][Cc]|[Qq][Rr][Dd][Qq][Nn]|[Tt][Rr][Pp][Oo]|[Aa][Rr][Ss]|\
    [Cc][Rr][Oo][Ss][Ss][Qq]|[Mm][Aa][Ss][Kk][Aa][Bb][Ll][Ee][Pp][Pp][Oo])$";
/// Gymnasium's form: a namespace at most, a name, a version.
pub(in crate::endpoint) const ENVIRONMENT: &str =
    "^([A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}/)?[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}$";
pub(in crate::endpoint) const CURSOR_FORM: &str = "^[A-Za-z0-9_-]{1,512}$";
pub(in crate::endpoint) const KEY_FORM: &str = r"^[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?$";
/// `*`, or tags as RFC 9110 has them, without bytes beyond ASCII.
/// A list without a tag names nothing.
pub(in crate::endpoint) const TAGS_FORM: &str =
    r#"^(\*|(W/)?"[\x21\x23-\x7e]{0,64}"([ \t]*,[ \t]*(W/)?"[\x21\x23-\x7e]{0,64}"){0,15})?$"#;
pub(in crate::endpoint) const SHA256: &str = "^[0-9a-f]{64}$";
/// As `account::Name` has it.
pub(in crate::endpoint) const NAME: &str = "^[a-z0-9][a-z0-9._@-]{0,63}$";

/// As workers make theirs of their option, their host and their process.
pub(in crate::endpoint) const WORKER: &str = "^[A-Za-z0-9._-]{1,192}$";

pub(in crate::endpoint) const fn query(
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

pub(in crate::endpoint) const fn path(
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

/// Patterns, each ready since its first use.
static PATTERNS: LazyLock<RwLock<HashMap<&'static str, Regex>>> = LazyLock::new(RwLock::default);

/// Whether a pattern matches. A test looks at every one of them.
fn matches(pattern: &'static str, text: &str) -> bool {
    let known = PATTERNS.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(regex) = known.get(pattern) {
        return regex.is_match(text);
    }
    drop(known);
    let regex = Regex::new(pattern).expect("the pattern is a regular expression");
    let fits = regex.is_match(text);
    let mut known = PATTERNS.write().unwrap_or_else(PoisonError::into_inner);
    known.insert(pattern, regex);
    fits
}

impl Kind {
    /// What is wrong with a value, if anything is.
    pub(crate) fn check(self, text: &str) -> Result<(), String> {
        let fits = match self {
            Self::Number { min, max, .. } => text
                .parse()
                .is_ok_and(|number: u32| (min..=max).contains(&number)),
            Self::OneOf(words) => words.contains(&text),
            Self::Text(pattern) => matches(pattern, text),
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
            Self::Text(label::FORM) => "must be name:value, without control characters".to_owned(),
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
