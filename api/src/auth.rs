//! Authentication: passwords, tokens, and the accounts behind them.

pub(crate) mod account_cache;
mod account_memory;
pub(crate) mod caller;
mod hs256;
mod keyring;
pub(crate) mod login;
mod outage;
mod token;

use std::time::Duration;

use futures_util::future::join_all;
use tars_shared::account::secret;
use tars_shared::limiter::Rate;
use tars_shared::services::Services;
use uuid::Uuid;

use self::account_cache::AccountCache;
use self::caller::Caller;
use self::keyring::Keyring;
use self::token::{Claims, Rejected, Use};
use crate::problem::Problem;

pub(crate) const ACCESS_LIFE: Duration = Duration::from_hours(1);
/// How long a refresh token is good for, and the longest grace of a signing key.
pub const REFRESH_LIFE: Duration = Duration::from_hours(7 * 24);

/// Finds out who calls.
#[derive(Debug)]
pub(crate) struct Authenticator {
    services: Services,
    keyring: Keyring,
    accounts: AccountCache,
}

pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Authenticator {
    /// One whose tokens are signed with keys that grow from `secret`.
    pub(crate) fn new(services: Services, secret: &str, lookups: Rate) -> Self {
        hs256::install();
        let keyring = Keyring::new(services.clone(), secret);
        let accounts = AccountCache::new(services.clone(), &keyring.seal(), lookups);
        Self {
            services,
            keyring,
            accounts,
        }
    }

    pub(crate) async fn authenticate(
        &self,
        credential: &str,
        address: std::net::IpAddr,
    ) -> Result<Caller, Problem> {
        if credential.starts_with(secret::PREFIX) {
            return self.accounts.service_token(credential, address).await;
        }
        let claims = self.verify(Use::Access, credential).await?;
        self.accounts.session(&claims, address).await
    }

    /// The claims of a token, if it is ours, for this use, and in its time.
    async fn verify(&self, wanted: Use, token: &str) -> Result<Claims, Problem> {
        let kid = token::key_id(wanted, token)?;
        let key = self
            .keyring
            .verifying(kid)
            .await?
            .ok_or(Rejected::Invalid)?;
        Ok(token::verify(
            wanted,
            token,
            &key,
            self.services.clock.now(),
        )?)
    }

    pub(crate) async fn refresh_claims(&self, token: &str) -> Result<Claims, Problem> {
        self.verify(Use::Refresh, token).await
    }

    /// Tokens for a session. `refresh_id` is the only refresh token that counts from now on.
    pub(crate) async fn issue(
        &self,
        user: Uuid,
        session: Uuid,
        refresh_id: Uuid,
    ) -> Result<Pair, Problem> {
        let key = self.keyring.signing().await?;
        let now = self.services.clock.now();
        let claims = |id, life: Duration| Claims::new(user, session, id, now, life);
        let access = token::sign(
            Use::Access,
            &claims(self.services.clock.new_id(), ACCESS_LIFE),
            &key,
        );
        let refresh = token::sign(Use::Refresh, &claims(refresh_id, REFRESH_LIFE), &key);
        match access.and_then(|access| {
            Ok(Pair {
                access,
                refresh: refresh?,
            })
        }) {
            Ok(pair) => Ok(pair),
            Err(error) => {
                tracing::error!(%error, "cannot sign a token");
                Err(Problem::internal())
            }
        }
    }

    /// The sessions' next requests ask the database.
    pub(crate) async fn forget_sessions(&self, sessions: &[Uuid]) {
        join_all(
            sessions
                .iter()
                .map(|session| self.accounts.forget_session(*session)),
        )
        .await;
    }

    /// Whether a caller would be authorized again: for responses that take long.
    pub(crate) async fn is_still_allowed(&self, caller: &Caller) -> bool {
        self.accounts.is_still_allowed(caller).await
    }

    /// The service token's next request asks the database.
    pub(crate) async fn forget_token(&self, id: Uuid) {
        self.accounts.forget_token(id).await;
    }

    /// The next token is signed by whatever key is current then.
    pub(crate) fn forget_keys(&self) {
        self.keyring.forget();
    }
}
