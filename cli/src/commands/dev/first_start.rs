//! The first start of `tars dev`: somebody who may do everything, and a token to begin with.

use anyhow::Context as _;
use tars_api::config::Secrets;
use tars_shared::account::secret::Secret;
use tars_shared::account::{Actor, Name, NewUser, Role, password};
use tars_shared::services::Services;
use zeroize::Zeroizing;

use crate::service_token::{self, Wanted};

/// What the token is called.
const TOKEN: &str = "dev";

/// What the first start made. Nothing can show it again.
pub(super) struct Credentials {
    user: Name,
    /// `None`: whoever started it chose the password.
    password: Option<Secret>,
    /// `None`: there was a token of this name already.
    token: Option<Secret>,
}

/// Adds the first user and token, if there is no user yet.
pub(super) async fn prepare(
    services: &Services,
    secrets: &Secrets,
) -> anyhow::Result<Option<Credentials>> {
    let store = &services.store;
    if !store.users.list(None, 1).await?.is_empty() {
        return Ok(None);
    }
    let (password, made) =
        if let Some(given) = secrets.first_password().map_err(anyhow::Error::msg)? {
            (given, None)
        } else {
            let made = Secret::password().map_err(anyhow::Error::msg)?;
            (Zeroizing::new(made.expose().to_owned()), Some(made))
        };
    let hashed = tokio::task::spawn_blocking(move || password::hash(&password)).await;
    let password_hash = hashed
        .context("hashing a password broke down")?
        .map_err(anyhow::Error::msg)?;
    let user = NewUser {
        name: secrets.admin_name.clone(),
        role: Role::Admin,
        password_hash,
    };
    // Another process may have been first.
    let Some(user) = store.users.add_first(&user, &Actor::service()).await? else {
        return Ok(None);
    };
    let name = TOKEN.parse().map_err(anyhow::Error::msg)?;
    let wanted = Wanted {
        name,
        role: Role::Admin,
        requests_per_minute: None,
        expires_in: None,
    };
    let token = service_token::make(store, &*services.clock, wanted, &Actor::service()).await?;
    Ok(Some(Credentials {
        user: user.name,
        password: made,
        token: token.map(|(_, secret)| secret),
    }))
}

impl Credentials {
    /// What to print, once. `data` is the option that other commands need to find the same
    /// accounts.
    pub(super) fn text(&self, data: &str) -> String {
        let Self {
            user,
            password,
            token,
        } = self;
        let password = password
            .as_ref()
            .map_or("as EVAL_ADMIN_PASSWORD says", Secret::expose);
        let token = match token {
            Some(token) => format!("  export TARS_TOKEN={}", token.expose()),
            None => format!("  export TARS_TOKEN=$(tars token rotate {TOKEN}{data})"),
        };
        format!(
            "This is the first start. What follows is shown this once and never again:\n  user      {user}\n  \
             password  {password}\n  token     {TOKEN}, for programs and for the commands below:\n{token}\n\
             Make others with: tars token create NAME --role developer{data}\n              and: tars user add NAME --role \
             developer{data}\n"
        )
    }
}
