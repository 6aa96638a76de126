//! Keys that sign tokens. The database knows their ids and times; their secrets are derived from
//! the service's own secret (HKDF, RFC 5869), so that neither a copy of the database nor one leaked
//! key gives away another.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use hkdf::Hkdf;
use sha2::Sha256;
use tars_shared::account::{Actor, SigningKey};
use tars_shared::services::Services;
use tars_shared::store;
use tokio::time::Instant;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::outage::Outage;
use crate::deadline::{in_time, within};
use crate::problem::Problem;

/// How old the list of keys may become: a rotation or removal acts everywhere within this time.
const MAX_AGE: Duration = Duration::from_secs(5);
/// An unknown key may have been made a moment ago by another process, but nobody may make us ask
/// all the time.
const MIN_RELOAD_INTERVAL: Duration = Duration::from_millis(100);
/// How long a request waits for the list.
const LIST_TIMEOUT: Duration = Duration::from_millis(500);

#[derive(Clone)]
pub(super) struct Key {
    pub(super) id: Uuid,
    pub(super) secret: Zeroizing<[u8; 32]>,
}

pub(super) struct Keyring {
    services: Services,
    root: Hkdf<Sha256>,
    known: Mutex<Known>,
    /// One request asks for the list; those beside it wait for its answer.
    loading: tokio::sync::Mutex<()>,
    outage: Outage,
}

/// The list as it was.
#[derive(Clone, Default)]
struct Known {
    keys: Arc<Vec<SigningKey>>,
    /// When it was asked for. `None`: never, or something has changed since.
    asked: Option<(Instant, DateTime<Utc>)>,
    /// When the database last gave no answer.
    failed: Option<Instant>,
    /// Grows with every change that is made here, so that no answer from before it is kept.
    changes: u64,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").finish_non_exhaustive()
    }
}

impl Keyring {
    pub(super) fn new(services: Services, secret: &str) -> Self {
        let root = Hkdf::new(Some(b"tars-eval-engine/tokens"), secret.as_bytes());
        let (known, loading) = (Mutex::default(), tokio::sync::Mutex::default());
        Self {
            services,
            root,
            known,
            loading,
            outage: Outage::default(),
        }
    }

    /// The key that cache entries are authenticated with.
    pub(super) fn seal(&self) -> Zeroizing<[u8; 32]> {
        self.expand(b"cache")
    }

    pub(super) async fn signing(&self) -> Result<Key, Problem> {
        let now = self.services.clock.now();
        let signs = |key: &&SigningKey| key.expires_at.is_none_or(|end| end > now);
        if let Some(key) = self.list(MAX_AGE).await?.iter().find(signs) {
            return Ok(self.derive(key.id));
        }
        let keys = self.services.store.signing_keys.clone();
        let key = within(async move { keys.current(&Actor::service()).await }).await?;
        self.forget();
        Ok(self.derive(key.id))
    }

    /// The key of this id, if it is ours and has not expired.
    pub(super) async fn verifying(&self, id: Uuid) -> Result<Option<Key>, Problem> {
        let mut keys = self.list(MAX_AGE).await?;
        if !keys.iter().any(|key| key.id == id) {
            keys = self.list(MIN_RELOAD_INTERVAL).await?;
        }
        let now = self.services.clock.now();
        match keys.iter().find(|key| key.id == id) {
            Some(key) => Ok(key
                .expires_at
                .is_none_or(|end| end > now)
                .then(|| self.derive(id))),
            // It may be newer than the list: a token that is good must not be thrown away for that.
            None if self.known().failed.is_some() => Err(Problem::unavailable()),
            None => Ok(None),
        }
    }

    /// Something has changed: the next use asks the database.
    pub(super) fn forget(&self) {
        let mut known = self.known();
        known.asked = None;
        known.changes += 1;
    }

    /// The keys as they were at most `age` ago.
    async fn list(&self, age: Duration) -> Result<Arc<Vec<SigningKey>>, Problem> {
        let recent = |known: &Known| known.asked.is_some_and(|(at, _)| at.elapsed() < age);
        let known = self.known().clone();
        if recent(&known) {
            return Ok(known.keys);
        }
        let _guard = self.loading.lock().await;
        let known = self.known().clone();
        if recent(&known) {
            return Ok(known.keys);
        }
        let asked = (Instant::now(), self.services.clock.now());
        let answer = if known.failed.is_some_and(|at| at.elapsed() < LIST_TIMEOUT) {
            // Those who queued up behind a request that waited in vain do not wait for themselves.
            Err(store::Error::Unavailable(
                "it gave no answer a moment ago".to_owned(),
            ))
        } else {
            let keys = self.services.store.signing_keys.clone();
            in_time(LIST_TIMEOUT, async move { keys.list().await }).await
        };
        match answer {
            Ok(keys) => {
                self.outage.is_over();
                let keys = Arc::new(keys);
                let mut now_known = self.known();
                if now_known.changes == known.changes {
                    *now_known = Known {
                        keys: keys.clone(),
                        asked: Some(asked),
                        failed: None,
                        ..known
                    };
                }
                Ok(keys)
            }
            Err(error @ store::Error::Unavailable(_))
                if known
                    .asked
                    .is_some_and(|(_, then)| self.outage.still_counts(&self.services, then)) =>
            {
                tracing::debug!(%error, "using the signing keys as they were");
                self.note_failure();
                Ok(known.keys)
            }
            Err(error) => {
                self.note_failure();
                Err(error.into())
            }
        }
    }

    fn note_failure(&self) {
        let mut known = self.known();
        let is_new = known.failed.is_none_or(|at| at.elapsed() >= LIST_TIMEOUT);
        if is_new {
            known.failed = Some(Instant::now());
        }
    }

    fn derive(&self, id: Uuid) -> Key {
        Key {
            id,
            secret: self.expand(id.as_bytes()),
        }
    }

    fn expand(&self, purpose: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut secret = Zeroizing::new([0; 32]);
        // HKDF fails for more than 8,160 bytes.
        self.root
            .expand(purpose, &mut secret[..])
            .expect("32 bytes can be derived");
        secret
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
