//! The ports for accounts: users, their sessions, service tokens, signing keys, and the audit log.
//!
//! Whatever changes something takes its [`Actor`] and writes the audit entry in the same
//! transaction.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::error::Error;
use crate::account::audit::AuditFilter;
use crate::account::secret::TokenHash;
use crate::account::{
    Actor, AuditEntry, Name, NewServiceToken, NewSession, NewUser, Role, ServiceToken, SigningKey,
    User,
};

/// Users.
#[async_trait]
pub trait Users: Send + Sync {
    /// Adds a user; `None` when the name is taken.
    async fn add(&self, user: &NewUser, by: &Actor) -> Result<Option<User>, Error>;

    /// Adds a user unless there is one already, whoever that is.
    async fn add_first(&self, user: &NewUser, by: &Actor) -> Result<Option<User>, Error>;

    /// The user of this name.
    async fn find(&self, name: &Name) -> Result<Option<User>, Error>;

    /// The user of this name, and the hash of their password.
    async fn credentials(&self, name: &Name) -> Result<Option<(User, String)>, Error>;

    /// Users by name, those after `after`.
    async fn list(&self, after: Option<&Name>, limit: u32) -> Result<Vec<User>, Error>;

    /// Changes a user; `None` when there is no such user. Disabling and a new password end all of
    /// the user's sessions.
    async fn change(
        &self,
        name: &Name,
        change: &UserChange,
        by: &Actor,
    ) -> Result<Option<UserChanged>, Error>;
}

/// What to change about a user. What they have already is not changed again, and not audited.
#[derive(Clone)]
pub enum UserChange {
    /// What they may do.
    Role(Role),
    /// Whether they are disabled.
    Disabled(bool),
    /// The hash of a new password.
    Password(String),
    /// The same, by the user, whose password was checked against `verified_hash`: one that is set
    /// meanwhile stays.
    OwnPassword {
        /// What the old password was checked against.
        verified_hash: String,
        /// The hash of the new one.
        hash: String,
    },
}

/// Without hashes.
impl std::fmt::Debug for UserChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Role(role) => f.debug_tuple("Role").field(role).finish(),
            Self::Disabled(disabled) => f.debug_tuple("Disabled").field(disabled).finish(),
            Self::Password(_) | Self::OwnPassword { .. } => f.write_str("Password"),
        }
    }
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserChanged {
    /// It is made. Whoever keeps copies of these sessions must forget them: they were live until
    /// now.
    Done {
        /// The user now.
        user: User,
        /// Their sessions.
        sessions: Vec<Uuid>,
    },
    /// Nothing is changed, because nobody would be left who could undo it.
    LastAdmin,
    /// Nothing is changed: the user has another password by now.
    OtherPassword,
}

/// Sessions of users.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Opens a session for a user whose password was checked against `verified_hash`. False: it is
    /// none, because the user is disabled or has another password meanwhile, and no session may
    /// outlive either.
    async fn open(
        &self,
        session: &NewSession,
        verified_hash: &str,
        by: &Actor,
    ) -> Result<bool, Error>;

    /// Whose it is and whether it lives; `None` when there is no such session.
    async fn standing(&self, id: Uuid) -> Result<Option<SessionStanding>, Error>;

    /// Trades the refresh token `presented` for `next`, which expires at `expires_at`. A token that
    /// was traded before ends the session: one of the two who hold it stole it.
    async fn refresh(
        &self,
        id: Uuid,
        presented: Uuid,
        next: Uuid,
        expires_at: DateTime<Utc>,
        by: &Actor,
    ) -> Result<Refreshed, Error>;

    /// Ends a session. False: it had ended already, or there is none.
    async fn end(&self, id: Uuid, by: &Actor) -> Result<bool, Error>;
}

/// How a session stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionStanding {
    /// Whose it is.
    pub user: User,
    /// Whether it has neither ended nor expired. A disabled user has no live session.
    pub live: bool,
}

/// What became of a refresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refreshed {
    /// The next token counts. This is the user.
    Traded(User),
    /// It was traded before: the session has ended.
    Reused,
    /// The session had ended or expired, or there is none.
    Over,
}

/// Service tokens.
#[async_trait]
pub trait ServiceTokens: Send + Sync {
    /// Adds a token; `None` when one that is not revoked has its name.
    async fn add(&self, token: &NewServiceToken, by: &Actor)
    -> Result<Option<ServiceToken>, Error>;

    /// The token and the hash of its secret, also when it cannot be used any more.
    async fn find(&self, id: Uuid) -> Result<Option<(ServiceToken, TokenHash)>, Error>;

    /// Tokens from the newest to the oldest, those older than the creation time and id in `before`.
    async fn list(
        &self,
        before: Option<(DateTime<Utc>, Uuid)>,
        limit: u32,
    ) -> Result<Vec<ServiceToken>, Error>;

    /// Gives a token another secret; `None` when there is none that could be used.
    async fn rotate(
        &self,
        id: Uuid,
        hash: TokenHash,
        by: &Actor,
    ) -> Result<Option<ServiceToken>, Error>;

    /// Revokes a token for good, without another effect when it is revoked already; `None` when
    /// there is none.
    async fn revoke(&self, id: Uuid, by: &Actor) -> Result<Option<ServiceToken>, Error>;

    /// Notes that a token was used just now.
    async fn note_use(&self, id: Uuid) -> Result<(), Error>;
}

/// Keys that sign tokens.
#[async_trait]
pub trait SigningKeys: Send + Sync {
    /// Every key, the newest first. The first one that has not expired signs.
    async fn list(&self) -> Result<Vec<SigningKey>, Error>;

    /// The key that signs now; makes it where there is none. Many who ask at once get the same.
    async fn current(&self, by: &Actor) -> Result<SigningKey, Error>;

    /// Makes a new key that signs from now on. The others expire after `grace`, unless they do so
    /// before.
    async fn rotate(&self, grace: Duration, by: &Actor) -> Result<SigningKey, Error>;

    /// Removes expired keys, and sessions that expired or ended more than a day ago.
    async fn clean_up(&self, by: &Actor) -> Result<CleanedUp, Error>;
}

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CleanedUp {
    /// Expired keys.
    pub keys: u64,
    /// Sessions that were over.
    pub sessions: u64,
}

/// The audit log. There is no way to change or remove an entry, and the database refuses it too.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Entries from the newest to the oldest.
    async fn list(&self, filter: &AuditFilter, limit: u32) -> Result<Vec<AuditEntry>, Error>;
}
