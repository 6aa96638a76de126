//! Who did what. Entries are written in the transaction of what they tell of, and never change.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who does something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// `user:NAME`, `token:NAME`, or `command` for who runs `tars` beside the database.
    pub name: String,
    /// Where the request came from, where there was one.
    pub address: Option<IpAddr>,
}

impl Actor {
    /// Who runs `tars` beside the database.
    pub fn command() -> Self {
        Self {
            name: "command".to_owned(),
            address: None,
        }
    }

    /// The service itself, at its start.
    pub fn service() -> Self {
        Self {
            name: "service".to_owned(),
            address: None,
        }
    }
}

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AuditEntry {
    /// Its id.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// `user:NAME`, `token:NAME`, `command` (somebody at the machine), or `service`.
    pub actor: String,
    /// Where the request came from; null where there was none.
    pub address: Option<String>,
    /// What was done.
    pub action: Action,
    /// To whom or what: a name or an id.
    pub target: String,
    /// More about it, such as the new role. Never a secret.
    pub detail: serde_json::Map<String, serde_json::Value>,
}

/// Which entries to list. The default lists all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only what this actor did.
    pub actor: Option<String>,
    /// Only what was done of this kind.
    pub action: Option<Action>,
    /// Only entries older than this place in the listing: time and id of the last one seen.
    pub before: Option<(DateTime<Utc>, Uuid)>,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// What was done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        pub enum Action {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As it is written.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

actions! {
    /// A user was added.
    UserAdded = "user.added",
    /// A user's role changed.
    UserRole = "user.role",
    /// A user was disabled.
    UserDisabled = "user.disabled",
    /// A disabled user was let in again.
    UserEnabled = "user.enabled",
    /// A user's password changed.
    UserPassword = "user.password",
    /// A user logged in.
    SessionOpened = "session.opened",
    /// A user logged out.
    SessionEnded = "session.ended",
    /// A refresh token came a second time: its session ended.
    SessionReused = "session.reused",
    /// A service token was made.
    TokenCreated = "token.created",
    /// A service token got a new secret.
    TokenRotated = "token.rotated",
    /// A service token was revoked.
    TokenRevoked = "token.revoked",
    /// A new key signs.
    KeyRotated = "key.rotated",
    /// Expired keys and sessions were removed.
    KeysCleaned = "keys.cleaned",
    /// A baseline was added.
    BaselineAdded = "baseline.added",
    /// A replay of dead letters was begun.
    ReplayBegun = "replay.begun",
    /// A replay was paused.
    ReplayPaused = "replay.paused",
    /// A replay was resumed.
    ReplayResumed = "replay.resumed",
    /// A replay was ended.
    ReplayCancelled = "replay.cancelled",
    /// A replay got another rate or note.
    ReplayAdjusted = "replay.adjusted",
    /// Dead letters were discarded.
    LettersDiscarded = "dead_letters.discarded",
    /// Discarded dead letters were restored.
    LettersRestored = "dead_letters.restored",
    /// A webhook is sent again.
    WebhookRedelivered = "webhook.redelivered",
    /// Jobs are not begun for a while.
    PauseBegun = "pause.begun",
    /// They are begun again.
    PauseEnded = "pause.ended",
    /// A worker was asked to take nothing new and to end.
    WorkerDrained = "worker.drained",
    /// Many jobs were taken back.
    JobsCancelled = "jobs.cancelled",
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Action {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let action = Self::ALL
            .iter()
            .copied()
            .find(|action| action.as_str() == text);
        action.ok_or_else(|| {
            let all: Vec<_> = Self::ALL.iter().map(|action| action.as_str()).collect();
            format!("must be one of {}", all.join(", "))
        })
    }
}
