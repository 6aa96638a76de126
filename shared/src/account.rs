//! Who may use the service: users and service tokens, what they may do, and what was done to them.

pub mod audit;
pub mod name;
pub mod password;
pub mod role;
pub mod secret;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::audit::{Action, Actor, AuditEntry};
pub use self::name::Name;
pub use self::role::Role;
use self::secret::{Secret, TokenHash};
use crate::clock::Clock;

/// A person with a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// Never changes.
    pub id: Uuid,
    /// What they log in with. Never changes and is never given to anybody else.
    pub name: Name,
    /// What they may do.
    pub role: Role,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
    /// Since when nobody can use it; null while it can be used.
    pub disabled_at: Option<DateTime<Utc>>,
}

/// A user to be added.
#[derive(Clone)]
pub struct NewUser {
    /// What they log in with.
    pub name: Name,
    /// What they may do.
    pub role: Role,
    /// What [`password::hash`] made of their password.
    pub password_hash: String,
}

/// Without the hash.
impl std::fmt::Debug for NewUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewUser")
            .field("name", &self.name)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// A secret for programs: it is shown once, and only its hash is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceToken {
    /// Stands in the secret itself.
    pub id: Uuid,
    /// What it is for. No two tokens that can be used have the same name.
    pub name: Name,
    /// What its bearer may do.
    pub role: Role,
    /// How many requests its bearer may make per minute; null for the service's default.
    pub requests_per_minute: Option<u32>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: String,
    /// From when on it cannot be used; null for never.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last seen, to the minute; null for never.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Since when it cannot be used, because somebody said so.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A service token to be added.
#[derive(Debug, Clone)]
pub struct NewServiceToken {
    /// Stands in the secret itself.
    pub id: Uuid,
    /// What it is for.
    pub name: Name,
    /// What its bearer may do.
    pub role: Role,
    /// How many requests its bearer may make per minute; `None` for the service's default.
    pub requests_per_minute: Option<u32>,
    /// From when on it cannot be used.
    pub expires_at: Option<DateTime<Utc>>,
    /// The hash of its secret.
    pub hash: TokenHash,
}

impl NewServiceToken {
    /// A token with a fresh id and secret, which exists nowhere else. `life` is `None` for a token
    /// that never expires.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn make(
        clock: &dyn Clock,
        name: Name,
        role: Role,
        requests_per_minute: Option<u32>,
        life: Option<TimeDelta>,
    ) -> Result<(Self, Secret), String> {
        let id = clock.new_id();
        let secret = Secret::for_token(id)?;
        let (expires_at, hash) = (
            life.map(|life| clock.now() + life),
            TokenHash::of(secret.expose()),
        );
        Ok((
            Self {
                id,
                name,
                role,
                requests_per_minute,
                expires_at,
                hash,
            },
            secret,
        ))
    }
}

/// A key that signs or once signed access and refresh tokens. The secret itself is derived from the
/// service's secret and this id, so that no database holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SigningKey {
    /// The `kid` of the tokens that it signed.
    pub id: Uuid,
    /// When it was made. The newest key that has not expired signs.
    pub created_at: DateTime<Utc>,
    /// From when on nothing that it signed is believed; null for the key that signs now.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A login: everything that grew from it by refreshing ends with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// The `sid` of its tokens.
    pub id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// The `jti` of the only refresh token that may be used next.
    pub refresh_id: Uuid,
    /// When that refresh token expires, and the session with it.
    pub expires_at: DateTime<Utc>,
}
