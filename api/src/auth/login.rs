//! Checking passwords: slow on purpose, a few at a time, and with a rate limit for each account.

use std::net::IpAddr;
use std::time::Duration;

use tars_shared::account::{Name, User, password};
use tars_shared::limiter::Rate;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::client_address::network_of;
use crate::context::Context;
use crate::deadline::within;
use crate::problem::Problem;

/// Hashes at one time: each takes 19 MiB and a core for tens of milliseconds.
static HASHERS: Semaphore = Semaphore::const_new(2);
/// How many times as often as one address all addresses together may try one account.
const ALL_ADDRESSES_FACTOR: u32 = 4;
/// How long a login waits for a free hasher.
const HASHER_TIMEOUT: Duration = Duration::from_secs(3);

/// A user whose password was right.
pub(crate) struct Verified {
    pub(crate) user: User,
    /// What it was checked against.
    pub(crate) hash: String,
}

/// The user of this name and password. Whether the name is unknown, the password wrong or the user
/// disabled is not told, and takes the same time.
pub(crate) async fn log_in(
    context: &Context,
    name: &str,
    address: IpAddr,
    password: Zeroizing<String>,
) -> Result<Verified, Problem> {
    let known: Option<Name> = name.parse().ok();
    let limits = known.as_ref().map(|name| AttemptLimits::of(name, address));
    if let Some(limits) = &limits {
        limits.count(context).await?;
    }
    let found = match &known {
        Some(name) => {
            let (users, name) = (context.services.store.users.clone(), name.clone());
            within(async move { users.credentials(&name).await }).await?
        }
        None => None,
    };
    let hash = found.as_ref().map(|(_, hash)| hash.clone());
    let matches = on_hasher(move || Ok(password::verify(&password, hash.as_deref()))).await?;
    match found {
        Some((user, hash)) if matches && user.disabled_at.is_none() => {
            if let Some(limits) = &limits {
                context.services.limiter.forget(&limits.by_address).await;
            }
            Ok(Verified { user, hash })
        }
        _ => {
            tracing::info!(
                user.name = known.as_ref().map(Name::as_str),
                "a login failed"
            );
            Err(wrong())
        }
    }
}

/// One answer for every reason.
pub(crate) fn wrong() -> Problem {
    Problem::unauthorized("invalid_credentials", "the name or the password is wrong")
}

/// Hashes a password that has been checked.
pub(crate) async fn hash(password: Zeroizing<String>) -> Result<String, Problem> {
    on_hasher(move || password::hash(&password)).await
}

/// Runs a hasher on the blocking pool as soon as one is free.
async fn on_hasher<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, Problem> {
    let permit = tokio::time::timeout(HASHER_TIMEOUT, HASHERS.acquire()).await;
    let Ok(Ok(permit)) = permit else {
        return Err(Problem::unavailable());
    };
    let hashed = tokio::task::spawn_blocking(move || {
        let hashed = work();
        drop(permit);
        hashed
    });
    match hashed.await {
        Ok(Ok(hashed)) => Ok(hashed),
        Ok(Err(error)) => {
            tracing::error!(error, "cannot hash a password");
            Err(Problem::internal())
        }
        Err(panic) => {
            tracing::error!(%panic, "hashing a password panicked");
            Err(Problem::internal())
        }
    }
}

/// The rate limits of an account, which count before the password is looked at. A name that does
/// not exist has them like any other.
struct AttemptLimits {
    /// For attempts from one address, so that they lock nobody else out.
    by_address: String,
    /// For attempts from many addresses.
    by_account: String,
}

impl AttemptLimits {
    fn of(name: &Name, address: IpAddr) -> Self {
        Self {
            by_address: format!("login:{name}:{}", network_of(address)),
            by_account: format!("login:{name}"),
        }
    }

    async fn count(&self, context: &Context) -> Result<(), Problem> {
        let rate = context.limits.login;
        let all_addresses = Rate {
            requests: rate
                .requests
                .map(|requests| requests.saturating_mul(ALL_ADDRESSES_FACTOR)),
            ..rate
        };
        for (key, rate) in [(&self.by_address, rate), (&self.by_account, all_addresses)] {
            let decision = context.services.limiter.count(key, rate).await;
            if !decision.allowed {
                return Err(Problem::too_many(
                    decision.retry_after,
                    "attempts to log in to this account",
                ));
            }
        }
        Ok(())
    }
}
