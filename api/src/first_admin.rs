//! The first administrator, from the environment: added once, when there is no user at all.

use std::time::Duration;

use tars_shared::account::{Actor, NewUser, Role, password};
use tars_shared::services::Services;
use tars_shared::store;
use tokio_util::sync::CancellationToken;

use crate::config::Secrets;
use crate::deadline::in_time;
use crate::error::Error;

/// How long the store may take for one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// How often an absent store is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Who is still to be added: nobody, unless one is named and the store cannot take them now.
pub(crate) async fn prepare(
    services: &Services,
    secrets: &Secrets,
) -> Result<Option<NewUser>, Error> {
    let Some(password) = secrets.first_password().map_err(Error::Secret)? else {
        return Ok(None);
    };
    // Hashing takes a moment: only where it may be of use.
    let users = services.store.users.clone();
    if in_time(CALL_TIMEOUT, async move { users.list(None, 1).await })
        .await
        .is_ok_and(|users| !users.is_empty())
    {
        return Ok(None);
    }
    let hashed = tokio::task::spawn_blocking(move || password::hash(&password)).await;
    let password_hash = hashed
        .map_err(|panic| panic.to_string())
        .and_then(|hash| hash)
        .map_err(Error::Secret)?;
    let user = NewUser {
        name: secrets.admin_name.clone(),
        role: Role::Admin,
        password_hash,
    };
    match try_to_add(services, &user).await {
        Ok(()) => Ok(None),
        Err(store::Error::Unavailable(_)) => Ok(Some(user)),
        Err(error) => Err(error.into()),
    }
}

/// Adds whoever is still to be added as soon as the store is there.
pub(crate) async fn add(services: &Services, user: Option<NewUser>, shutdown: CancellationToken) {
    let Some(user) = user else { return };
    while let Err(error) = try_to_add(services, &user).await {
        tracing::warn!(%error, user.name = %user.name, "the first administrator is still to be added");
        tokio::select! {
            () = tokio::time::sleep(RETRY_INTERVAL) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

async fn try_to_add(services: &Services, user: &NewUser) -> Result<(), store::Error> {
    let (users, new) = (services.store.users.clone(), user.clone());
    let added = in_time(CALL_TIMEOUT, async move {
        users.add_first(&new, &Actor::service()).await
    })
    .await?;
    if added.is_some() {
        tracing::info!(user.name = %user.name, "added the first administrator");
    }
    Ok(())
}
