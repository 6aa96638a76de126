//! Keys that sign tokens. The database knows their ids and times; their secrets are derived from the service's own secret
//! (HKDF, RFC 5869), so that neither a copy of the database nor one leaked key gives away another.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hkdf::Hkdf;
use sha2::Sha256;
use tars_shared::account::{Actor, SigningKey};
use tars_shared::services::Services;
use tars_shared::store;
use tokio::time::Instant;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::deadline::{in_time, within};
use crate::problem::Problem;

/// How old the list of keys may become: a rotation or removal acts everywhere within this time.
const FRESH: Duration = Duration::from_secs(5);
/// An unknown key may have been made a moment ago by another process, but nobody may make us ask all the time.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a request waits for the list.
const PATIENCE: Duration = Duration::from_millis(500);

/// A key with its secret.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) id: Uuid,
    pub(super) secret: Zeroizing<[u8; 32]>,
}

/// The keys of this service.
pub(super) struct Keyring {
    services: Services,
    root: Hkdf<Sha256>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    keys: Arc<Vec<SigningKey>>,
    /// When they were read.
    at: Option<Instant>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").finish_non_exhaustive()
    }
}

impl Keyring {
    pub(super) fn new(services: Services, secret: &str) -> Self {
        let root = Hkdf::new(Some(b"tars-eval-engine/tokens"), secret.as_bytes());
        Self { services, root, known: Mutex::default() }
    }

    /// The key that signs now.
    pub(super) async fn signing(&self) -> Result<Key, Problem> {
        let now = self.services.clock.now();
        let signs = |key: &&SigningKey| key.expires_at.is_none_or(|end| end > now);
        if let Some(key) = self.list(FRESH).await?.iter().find(signs) {
            return Ok(self.derive(key.id));
        }
        let keys = self.services.store.signing_keys.clone();
        let key = within(async move { keys.current(&Actor::service()).await }).await?;
        self.forget();
        Ok(self.derive(key.id))
    }

    /// The key of this id, if it is ours and has not expired.
    pub(super) async fn verifying(&self, id: Uuid) -> Result<Option<Key>, Problem> {
        let mut keys = self.list(FRESH).await?;
        if !keys.iter().any(|key| key.id == id) {
            keys = self.list(PAUSE).await?;
        }
        let now = self.services.clock.now();
        let key = keys.iter().find(|key| key.id == id && key.expires_at.is_none_or(|end| end > now));
        Ok(key.map(|key| self.derive(key.id)))
    }

    /// The next use asks the database.
    pub(super) fn forget(&self) {
        self.known().at = None;
    }

    /// The keys as they were at most `age` ago. While the database is away they cannot change, so the last list stays true.
    async fn list(&self, age: Duration) -> Result<Arc<Vec<SigningKey>>, Problem> {
        let last = {
            let known = self.known();
            if known.at.is_some_and(|at| at.elapsed() < age) {
                return Ok(known.keys.clone());
            }
            known.keys.clone()
        };
        let keys = self.services.store.signing_keys.clone();
        match in_time(PATIENCE, async move { keys.list().await }).await {
            Ok(keys) => {
                let keys = Arc::new(keys);
                *self.known() = Known { keys: keys.clone(), at: Some(Instant::now()) };
                Ok(keys)
            }
            Err(store::Error::Unavailable(reason)) if !last.is_empty() => {
                tracing::debug!(reason, "using the signing keys as they were");
                // Nobody else waits for the database in the next moments.
                self.known().at = Instant::now().checked_sub(FRESH.saturating_sub(PAUSE));
                Ok(last)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn derive(&self, id: Uuid) -> Key {
        let mut secret = Zeroizing::new([0; 32]);
        // HKDF fails for more than 8,160 bytes.
        self.root.expand(id.as_bytes(), &mut secret[..]).expect("32 bytes can be derived");
        Key { id, secret }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
