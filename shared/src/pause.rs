//! A pause: which jobs are not begun for a while, by whom, and why.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::request::{Parameters, Priority};

/// The most pauses in force at one time: every delivery is compared with each of them.
pub const MAX_PAUSES: usize = 100;

/// Which jobs a pause is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "scope", content = "value", rename_all = "lowercase")]
pub enum Scope {
    /// All of them.
    All,
    /// Those of this priority.
    Priority(Priority),
    /// Those that name this environment.
    Environment(String),
    /// Those of this account: `user:NAME`, or `token:ID` for a service token.
    Submitter(String),
}

impl Scope {
    /// The names of all scopes.
    pub const NAMES: [&str; 4] = ["all", "priority", "environment", "submitter"];

    /// The scope of this name with this value; the error says what is wrong with the value.
    pub fn of(name: &str, value: &str) -> Result<Self, String> {
        match name {
            "all" if value.is_empty() => Ok(Self::All),
            "all" => Err("leave it out: everything is paused".to_owned()),
            "priority" => value.parse().map(Self::Priority),
            _ if value.is_empty() => Err(format!("name the {name}")),
            "environment" => Ok(Self::Environment(value.to_owned())),
            "submitter" => Ok(Self::Submitter(value.to_owned())),
            _ => Err(format!("there is no scope {name:?}")),
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Priority(_) => "priority",
            Self::Environment(_) => "environment",
            Self::Submitter(_) => "submitter",
        }
    }

    /// Its value; nothing for [`All`](Self::All).
    pub fn value(&self) -> &str {
        match self {
            Self::All => "",
            Self::Priority(priority) => priority.as_str(),
            Self::Environment(value) | Self::Submitter(value) => value,
        }
    }

    /// Whether a job is among them.
    pub fn covers(&self, subject: &str, parameters: &Parameters) -> bool {
        match self {
            Self::All => true,
            Self::Priority(priority) => parameters.priority == *priority,
            Self::Environment(environment) => parameters.environments.contains(environment),
            Self::Submitter(submitter) => subject == submitter,
        }
    }
}

/// As people say it.
impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("everything"),
            Self::Priority(priority) => write!(f, "{priority} priority"),
            Self::Environment(value) => write!(f, "environment {value}"),
            Self::Submitter(value) => write!(f, "submissions of {value}"),
        }
    }
}

/// A pause that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPause {
    /// Which jobs it is for.
    pub scope: Scope,
    /// Why; submitters read it.
    pub reason: String,
    /// When it ends by itself.
    pub until: Option<DateTime<Utc>>,
}

/// A pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Pause {
    /// Its id.
    pub id: Uuid,
    /// Which jobs it is for.
    #[serde(flatten)]
    pub scope: Scope,
    /// Why.
    pub reason: String,
    /// Who paused: `user:NAME`, `token:NAME`, or `command`.
    pub paused_by: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When it ends by itself; null where somebody has to end it.
    pub until: Option<DateTime<Utc>>,
}

/// Those of these pauses that a job is covered by.
pub fn covering<'a>(
    pauses: &'a [Pause],
    subject: &'a str,
    parameters: &'a Parameters,
) -> impl Iterator<Item = &'a Pause> {
    pauses
        .iter()
        .filter(|pause| pause.scope.covers(subject, parameters))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_its_name_and_its_value() {
        for scope in [
            Scope::All,
            Scope::Priority(Priority::Low),
            Scope::Environment("CartPole-v1".to_owned()),
            Scope::Submitter("user:ada".to_owned()),
        ] {
            assert!(Scope::NAMES.contains(&scope.name()));
            assert_eq!(Scope::of(scope.name(), scope.value()), Ok(scope));
        }
        for (name, value) in [
            ("all", "x"),
            ("priority", "urgent"),
            ("priority", ""),
            ("environment", ""),
            ("submitter", ""),
            ("agent", "DQN"),
        ] {
            assert!(Scope::of(name, value).is_err(), "{name} {value}");
        }
    }
}
