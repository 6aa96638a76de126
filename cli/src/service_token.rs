//! Makes service tokens directly in the store.

use anyhow::Context as _;
use tars_shared::account::secret::Secret;
use tars_shared::account::{Actor, Name, NewServiceToken, Role, ServiceToken};
use tars_shared::clock::Clock;
use tars_shared::store::Store;

/// A service token to be made.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) name: Name,
    pub(crate) role: Role,
    /// `None` for the service's default.
    pub(crate) requests_per_minute: Option<u32>,
    /// `None` for never.
    pub(crate) expires_in: Option<chrono::TimeDelta>,
}

/// Makes it; the secret exists nowhere else. `None`: a token that can be used has its name.
pub(crate) async fn make(
    store: &Store,
    clock: &dyn Clock,
    wanted: Wanted,
    by: &Actor,
) -> anyhow::Result<Option<(ServiceToken, Secret)>> {
    let Wanted {
        name,
        role,
        requests_per_minute,
        expires_in,
    } = wanted;
    let (new, secret) = NewServiceToken::make(clock, name, role, requests_per_minute, expires_in)
        .map_err(anyhow::Error::msg)?;
    let token = store
        .service_tokens
        .add(&new, by)
        .await
        .context("cannot make a service token")?;
    Ok(token.map(|token| (token, secret)))
}
