//! Checking passwords: slow on purpose, a few at a time, and with a brake for each account.

use std::net::IpAddr;
use std::time::Duration;

use tars_shared::account::{Name, User, password};
use tars_shared::limiter::Rate;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::deadline::within;
use crate::door::address::network_of;
use crate::problem::Problem;
use crate::routes::Context;

/// Hashes at one time: each takes 19 MiB and a core for tens of milliseconds.
static HASHERS: Semaphore = Semaphore::const_new(2);
/// How many times as often as one address all of them together may try one account.
const TOGETHER: u32 = 4;
/// How long a login waits for its turn.
const PATIENCE: Duration = Duration::from_secs(3);

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
    let brakes = known.as_ref().map(|name| Brakes::of(name, address));
    if let Some(brakes) = &brakes {
        brakes.press(context).await?;
    }
    let found = match &known {
        Some(name) => {
            let (users, name) = (context.services.store.users.clone(), name.clone());
            within(async move { users.credentials(&name).await }).await?
        }
        None => None,
    };
    let hash = found.as_ref().map(|(_, hash)| hash.clone());
    let matches = turn(move || Ok(password::verify(&password, hash.as_deref()))).await?;
    match found {
        Some((user, hash)) if matches && user.disabled_at.is_none() => {
            if let Some(brakes) = &brakes {
                context.services.limiter.forget(&brakes.of_address).await;
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

/// What is told whatever was wrong.
pub(crate) fn wrong() -> Problem {
    Problem::unauthorized("invalid_credentials", "the name or the password is wrong")
}

/// Hashes a password that has been checked.
pub(crate) async fn hash(password: Zeroizing<String>) -> Result<String, Problem> {
    turn(move || password::hash(&password)).await
}

/// Runs a hasher beside the async threads when its turn comes.
async fn turn<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, Problem> {
    let turn = tokio::time::timeout(PATIENCE, HASHERS.acquire()).await;
    let Ok(Ok(turn)) = turn else {
        return Err(Problem::unavailable());
    };
    let hashed = tokio::task::spawn_blocking(move || {
        let hashed = work();
        drop(turn);
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

/// What slows guessing down, before the password is looked at. A name that does not exist is braked
/// like any other.
struct Brakes {
    /// For one who guesses from one address, and whom nobody else has to suffer for.
    of_address: String,
    /// For many who guess together.
    of_account: String,
}

impl Brakes {
    fn of(name: &Name, address: IpAddr) -> Self {
        Self {
            of_address: format!("login:{name}:{}", network_of(address)),
            of_account: format!("login:{name}"),
        }
    }

    async fn press(&self, context: &Context) -> Result<(), Problem> {
        let rate = context.limits.login;
        let together = Rate {
            requests: rate
                .requests
                .map(|requests| requests.saturating_mul(TOGETHER)),
            ..rate
        };
        for (key, rate) in [(&self.of_address, rate), (&self.of_account, together)] {
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
