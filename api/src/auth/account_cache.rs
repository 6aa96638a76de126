//! Accounts as the database has them, remembered for a few seconds in the cache, and for one of
//! them in this process.
//!
//! A change of role, a disabled user, a logout, a revoked token: each acts at once where it was
//! made, within a second wherever a shared cache hears of it, and everywhere within [`MAX_AGE`]. An empty cache
//! knows nothing, so the database is asked. What counts while the database is away is decided in
//! `outage`. See docs/adr/0011.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tars_shared::account::secret::{TokenHash, token_id};
use tars_shared::account::{ServiceToken, User};
use tars_shared::limiter::Rate;
use tars_shared::services::Services;
use tars_shared::store;
use tokio::time::Instant;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::account_memory::AccountMemory;
use super::caller::{Caller, Identity};
use super::outage::Outage;
use super::token::{Claims, Rejected};
use crate::client_address::network_of;
use crate::deadline::in_time;
use crate::problem::Problem;

/// The stated bound: an entry that is older is asked for again.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(5);
/// How long the cache keeps an entry, for outages.
const ENTRY_TTL: Duration = Duration::from_hours(24);
/// How long a request waits for the database where the cache has an entry, and where it has none.
const REFRESH_TIMEOUT: Duration = Duration::from_millis(250);
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);
/// How precisely the last use of a service token is noted.
const USE_INTERVAL: Duration = Duration::from_mins(1);
/// Bytes of the seal before each entry.
const SEAL_BYTES: usize = 32;

/// Sessions and service tokens with their accounts.
pub(super) struct AccountCache {
    services: Services,
    /// Seals what is put into the cache: whoever can write to it must not be able to make up an
    /// account.
    seal: Hmac<Sha256>,
    /// How often an address may make us look for service tokens.
    lookups: Rate,
    outage: Outage,
    sessions: AccountMemory<Session>,
    tokens: AccountMemory<Token>,
    /// When the use of which service token was noted by this process.
    noted: Mutex<HashMap<Uuid, Instant>>,
}

impl std::fmt::Debug for AccountCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountCache").finish_non_exhaustive()
    }
}

/// What the database said, and when.
#[derive(Serialize, Deserialize)]
struct Remembered<T> {
    at: DateTime<Utc>,
    value: T,
}

#[derive(Clone, Serialize, Deserialize)]
struct Session {
    user: User,
    live: bool,
}

#[derive(Clone, Serialize, Deserialize)]
struct Token {
    token: ServiceToken,
    hash: TokenHash,
}

impl AccountCache {
    pub(super) fn new(services: Services, seal: &Zeroizing<[u8; 32]>, lookups: Rate) -> Self {
        // HMAC takes keys of any length.
        let seal = Hmac::new_from_slice(&seal[..]).expect("32 bytes are a key");
        Self {
            services,
            seal,
            lookups,
            outage: Outage::default(),
            sessions: AccountMemory::new(),
            tokens: AccountMemory::new(),
            noted: Mutex::default(),
        }
    }

    pub(super) async fn session(
        &self,
        claims: &Claims,
        address: IpAddr,
    ) -> Result<Caller, Problem> {
        let Some(Session { user, live: true }) = self.recent_session(claims.sid).await? else {
            return Err(Problem::revoked());
        };
        if user.id != claims.sub {
            return Err(Rejected::Invalid.into());
        }
        let until = DateTime::from_timestamp(claims.exp, 0).unwrap_or_default();
        let identity = Identity::User {
            name: user.name,
            role: user.role,
            session: claims.sid,
            until,
        };
        Ok(Caller { identity, address })
    }

    pub(super) async fn service_token(
        &self,
        secret: &str,
        address: IpAddr,
    ) -> Result<Caller, Problem> {
        let id = token_id(secret).ok_or(Rejected::Invalid)?;
        let Some(Token { token, hash }) = self.recent_token(id, address).await? else {
            return Err(Rejected::Invalid.into());
        };
        if !hash.matches(secret) {
            return Err(Rejected::Invalid.into());
        }
        if token.revoked_at.is_some() {
            return Err(Problem::revoked());
        }
        if token
            .expires_at
            .is_some_and(|end| end <= self.services.clock.now())
        {
            return Err(Problem::unauthorized(
                "token_expired",
                "the service token has expired: ask for a new one",
            ));
        }
        self.note_use(id);
        let requests_per_minute = token.requests_per_minute;
        let identity = Identity::ServiceToken {
            id,
            name: token.name,
            role: token.role,
            requests_per_minute,
        };
        Ok(Caller { identity, address })
    }

    /// Whether a caller would be authorized again, with the same role. While that cannot be found
    /// out, they would. It is asked every few seconds, and so not what is remembered here.
    pub(super) async fn is_still_allowed(&self, caller: &Caller) -> bool {
        let now = self.services.clock.now();
        match &caller.identity {
            Identity::Anonymous => true,
            Identity::User {
                role,
                session,
                until,
                ..
            } => match self.find_session(*session).await {
                Ok(found) => found.is_some_and(|Remembered { value, .. }| {
                    value.live && value.user.role == *role && *until > now
                }),
                Err(_) => true,
            },
            Identity::ServiceToken { id, role, .. } => match self.find_token(*id, None).await {
                Ok(found) => found.is_some_and(|Remembered { value, .. }| {
                    let token = value.token;
                    token.revoked_at.is_none()
                        && token.expires_at.is_none_or(|end| end > now)
                        && token.role == *role
                }),
                Err(_) => true,
            },
        }
    }

    pub(super) async fn forget_session(&self, id: Uuid) {
        self.services.cache.remove(&session_key(id)).await;
        self.sessions.forget(id).await;
    }

    pub(super) async fn forget_token(&self, id: Uuid) {
        self.services.cache.remove(&token_key(id)).await;
        self.tokens.forget(id).await;
    }

    /// A session, from this process if that saw it a moment ago.
    async fn recent_session(&self, id: Uuid) -> Result<Option<Session>, Problem> {
        let now = self.services.clock.now();
        if let Some(session) = self.sessions.find(id, now).await {
            return Ok(Some(session));
        }
        let asked = self.sessions.asking(now);
        let Some(Remembered { at, value }) = self.find_session(id).await? else {
            return Ok(None);
        };
        self.sessions
            .keep(id, asked, at + MAX_AGE, value.clone())
            .await;
        Ok(Some(value))
    }

    /// The same of a service token.
    async fn recent_token(&self, id: Uuid, address: IpAddr) -> Result<Option<Token>, Problem> {
        let now = self.services.clock.now();
        if let Some(token) = self.tokens.find(id, now).await {
            return Ok(Some(token));
        }
        let asked = self.tokens.asking(now);
        let Some(Remembered { at, value }) = self.find_token(id, Some(address)).await? else {
            return Ok(None);
        };
        self.tokens
            .keep(id, asked, at + MAX_AGE, value.clone())
            .await;
        Ok(Some(value))
    }

    async fn find_session(&self, id: Uuid) -> Result<Option<Remembered<Session>>, Problem> {
        let sessions = self.services.store.sessions.clone();
        let ask = async move {
            let standing = sessions.standing(id).await?;
            Ok(standing.map(|standing| Session {
                user: standing.user,
                live: standing.live,
            }))
        };
        match self.recall(&session_key(id)).await {
            Some(remembered) if self.is_fresh(remembered.at) => Ok(Some(remembered)),
            remembered => self.ask(&session_key(id), remembered, ask).await,
        }
    }

    /// A service token. Whoever asks for one that is not remembered is counted before the database
    /// is asked, because anybody can make up tokens.
    async fn find_token(
        &self,
        id: Uuid,
        address: Option<IpAddr>,
    ) -> Result<Option<Remembered<Token>>, Problem> {
        let tokens = self.services.store.service_tokens.clone();
        let ask = async move {
            Ok(tokens
                .find(id)
                .await?
                .map(|(token, hash)| Token { token, hash }))
        };
        let remembered = match self.recall(&token_key(id)).await {
            Some(remembered) if self.is_fresh(remembered.at) => return Ok(Some(remembered)),
            remembered => remembered,
        };
        if let (None, Some(address)) = (&remembered, address) {
            let decision = self
                .services
                .limiter
                .count(&format!("lookups:{}", network_of(address)), self.lookups)
                .await;
            if !decision.allowed {
                return Err(Problem::too_many(
                    decision.retry_after,
                    "service tokens that are not known here",
                ));
            }
        }
        self.ask(&token_key(id), remembered, ask).await
    }

    fn is_fresh(&self, at: DateTime<Utc>) -> bool {
        let now = self.services.clock.now();
        at <= now && now < at + MAX_AGE
    }

    /// What the cache holds under our seal.
    async fn recall<T: DeserializeOwned>(&self, key: &str) -> Option<Remembered<T>> {
        let cached = self.services.cache.find(key).await?;
        let (seal, value) = cached.split_at_checked(SEAL_BYTES)?;
        self.seal
            .clone()
            .chain_update(key)
            .chain_update(value)
            .verify_slice(seal)
            .ok()?;
        serde_json::from_slice(value).ok()
    }

    /// What the database says; while it does not answer, what is remembered, as far as that still
    /// counts.
    async fn ask<T>(
        &self,
        key: &str,
        remembered: Option<Remembered<T>>,
        ask: impl Future<Output = Result<Option<T>, store::Error>> + Send + 'static,
    ) -> Result<Option<Remembered<T>>, Problem>
    where
        T: Serialize + Send + 'static,
    {
        let at = self.services.clock.now();
        let timeout = if remembered.is_some() {
            REFRESH_TIMEOUT
        } else {
            LOOKUP_TIMEOUT
        };
        match (in_time(timeout, ask).await, remembered) {
            (Ok(found), _) => {
                self.outage.is_over();
                let Some(found) = found else { return Ok(None) };
                let found = Remembered { at, value: found };
                let entry = serde_json::to_vec(&found).map_err(|_| Problem::internal())?;
                let seal = self
                    .seal
                    .clone()
                    .chain_update(key)
                    .chain_update(&entry)
                    .finalize()
                    .into_bytes();
                self.services
                    .cache
                    .put(key, Bytes::from([&seal[..], &entry].concat()), ENTRY_TTL)
                    .await;
                Ok(Some(found))
            }
            (Err(store::Error::Unavailable(reason)), Some(Remembered { at, value }))
                if self.outage.still_counts(&self.services, at) =>
            {
                tracing::debug!(reason, "using what the cache holds of an account");
                Ok(Some(Remembered { at, value }))
            }
            (Err(error), _) => Err(error.into()),
        }
    }

    /// Notes that a service token is used, once a minute and beside the request.
    fn note_use(&self, id: Uuid) {
        let now = Instant::now();
        {
            let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            if noted.get(&id).is_some_and(|at| now < *at + USE_INTERVAL) {
                return;
            }
            noted.retain(|_, at| now < *at + USE_INTERVAL);
            noted.insert(id, now);
        }
        let tokens = self.services.store.service_tokens.clone();
        tokio::spawn(async move {
            if let Err(error) = tokens.note_use(id).await {
                tracing::debug!(%error, token.id = %id, "its use is not noted");
            }
        });
    }
}

fn session_key(id: Uuid) -> String {
    format!("session:{id}")
}

fn token_key(id: Uuid) -> String {
    format!("service-token:{id}")
}
