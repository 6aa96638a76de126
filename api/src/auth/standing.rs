//! How accounts stand right now. The database says so; the cache remembers it for a few seconds.
//!
//! A change of role, a disabled user, a logout, a revoked token: each act at once where it was made, wherever a shared
//! cache hears of it, and everywhere within [`FRESH`]. An empty cache knows nothing, so the database is asked. While the
//! database is away nothing can be revoked in it, so what is remembered stays true; what is not remembered is refused.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tars_shared::account::secret::{TokenHash, token_id};
use tars_shared::account::{ServiceToken, User};
use tars_shared::services::Services;
use tars_shared::store;
use tokio::time::Instant;
use uuid::Uuid;

use super::token::{Claims, Rejected};
use super::{ACCESS, Caller, Identity};
use crate::deadline::in_time;
use crate::problem::Problem;

/// The stated bound: a remembered standing that is older is asked for again.
pub(crate) const FRESH: Duration = Duration::from_secs(5);
/// How long it may stand in while the database is away: no access token lives longer.
const REMEMBERED: Duration = ACCESS;
/// How long a request waits for the database where something is remembered, and where nothing is.
const PATIENCE: Duration = Duration::from_millis(250);
const LONE_PATIENCE: Duration = Duration::from_secs(2);
/// How long the database is left alone after it gave no answer, by those who remember.
const REST: Duration = Duration::from_secs(1);
/// A service token's last use is noted to the minute.
const USE_NOTED: Duration = Duration::from_mins(1);

/// How accounts stand.
#[derive(Debug)]
pub(super) struct Standings {
    services: Services,
    /// Until when the database is left alone.
    rest: Mutex<Option<Instant>>,
    /// When the use of which service token was noted by this process.
    noted: Mutex<HashMap<Uuid, Instant>>,
}

/// Something that was true.
#[derive(Serialize, Deserialize)]
struct Remembered<T> {
    at: DateTime<Utc>,
    what: T,
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

impl Standings {
    pub(super) fn new(services: Services) -> Self {
        Self { services, rest: Mutex::default(), noted: Mutex::default() }
    }

    /// The user of an access token.
    pub(super) async fn session(&self, claims: &Claims, address: IpAddr) -> Result<Caller, Problem> {
        let (sessions, id) = (self.services.store.sessions.clone(), claims.sid);
        let found = self
            .look(&session_key(id), async move {
                let standing = sessions.standing(id).await?;
                Ok(standing.map(|standing| Session { user: standing.user, live: standing.live }))
            })
            .await?;
        let Some(Session { user, live: true }) = found else { return Err(Problem::revoked()) };
        if user.id != claims.sub {
            return Err(Rejected::Invalid.into());
        }
        let until = DateTime::from_timestamp(claims.exp, 0).unwrap_or_default();
        let identity = Identity::User { name: user.name, role: user.role, session: id, until };
        Ok(Caller { identity, address })
    }

    /// The bearer of a service token.
    pub(super) async fn service_token(&self, secret: &str, address: IpAddr) -> Result<Caller, Problem> {
        let id = token_id(secret).ok_or(Rejected::Invalid)?;
        let (tokens, now) = (self.services.store.service_tokens.clone(), self.services.clock.now());
        let found = self
            .look(&token_key(id), async move { Ok(tokens.find(id).await?.map(|(token, hash)| Token { token, hash })) })
            .await?;
        let Some(Token { token, hash }) = found else { return Err(Rejected::Invalid.into()) };
        if !hash.matches(secret) {
            return Err(Rejected::Invalid.into());
        }
        if token.revoked_at.is_some() {
            return Err(Problem::revoked());
        }
        if token.expires_at.is_some_and(|end| end <= now) {
            return Err(Problem::unauthorized("token_expired", "the service token has expired: ask for a new one"));
        }
        self.note_use(id);
        let requests_per_minute = token.requests_per_minute;
        let identity = Identity::ServiceToken { id, name: token.name, role: token.role, requests_per_minute };
        Ok(Caller { identity, address })
    }

    /// Notes that a service token is used, once a minute and beside the request.
    fn note_use(&self, id: Uuid) {
        let now = Instant::now();
        {
            let mut noted = lock(&self.noted);
            if noted.get(&id).is_some_and(|at| now < *at + USE_NOTED) {
                return;
            }
            noted.insert(id, now);
        }
        let tokens = self.services.store.service_tokens.clone();
        tokio::spawn(async move {
            if let Err(error) = tokens.note_use(id).await {
                tracing::debug!(%error, token.id = %id, "its use is not noted");
            }
        });
    }

    pub(super) async fn forget_session(&self, id: Uuid) {
        self.services.cache.remove(&session_key(id)).await;
    }

    pub(super) async fn forget_token(&self, id: Uuid) {
        self.services.cache.remove(&token_key(id)).await;
    }

    /// What is remembered and fresh; else what the database says; else, while it is away, what is remembered.
    async fn look<T>(
        &self,
        key: &str,
        ask: impl Future<Output = Result<Option<T>, store::Error>> + Send + 'static,
    ) -> Result<Option<T>, Problem>
    where
        T: Clone + Serialize + DeserializeOwned + Send + 'static,
    {
        let now = self.services.clock.now();
        let cached = self.services.cache.find(key).await;
        let remembered: Option<Remembered<T>> = cached.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let patience = match &remembered {
            Some(Remembered { at, what }) if *at <= now && now < *at + FRESH => return Ok(Some(what.clone())),
            Some(Remembered { what, .. }) if self.is_resting() => return Ok(Some(what.clone())),
            Some(_) => PATIENCE,
            None => LONE_PATIENCE,
        };
        match (in_time(patience, ask).await, remembered) {
            (Ok(Some(what)), _) => {
                let value =
                    serde_json::to_vec(&Remembered { at: now, what: &what }).map_err(|_| Problem::internal())?;
                self.services.cache.put(key, Bytes::from(value), REMEMBERED).await;
                Ok(Some(what))
            }
            (Ok(None), _) => Ok(None),
            (Err(store::Error::Unavailable(reason)), Some(Remembered { what, .. })) => {
                tracing::debug!(reason, "going by what is remembered of an account");
                *lock(&self.rest) = Some(Instant::now() + REST);
                Ok(Some(what))
            }
            (Err(error), _) => Err(error.into()),
        }
    }

    fn is_resting(&self) -> bool {
        lock(&self.rest).is_some_and(|until| Instant::now() < until)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn session_key(id: Uuid) -> String {
    format!("session:{id}")
}

fn token_key(id: Uuid) -> String {
    format!("service-token:{id}")
}
