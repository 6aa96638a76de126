//! What can be done with a token.

use std::process::ExitCode;

use anyhow::bail;
use tars_shared::account::secret::{Secret, TokenHash};
use tars_shared::account::{Actor, ServiceToken};
use tars_shared::store::ServiceTokens;
use uuid::Uuid;

use crate::commands::accounts::{Database, SOON, hand_over, say};

#[derive(Debug, clap::Args)]
pub(super) struct Rotate {
    /// The token's name or id
    #[arg(value_name = "TOKEN")]
    token: String,
    #[command(flatten)]
    database: Database,
}

#[derive(Debug, clap::Args)]
pub(super) struct Revoke {
    /// The token's name or id
    #[arg(value_name = "TOKEN")]
    token: String,
    #[command(flatten)]
    database: Database,
}

impl Rotate {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        self.database.run(async |accounts| {
            let tokens = &*accounts.store.service_tokens;
            let token = find(tokens, &self.token).await?;
            let secret = Secret::for_token(token.id).map_err(anyhow::Error::msg)?;
            if tokens
                .rotate(token.id, TokenHash::of(secret.expose()), &Actor::command())
                .await?
                .is_none()
            {
                bail!(
                    "TOKEN: {} is revoked: make another one with `tars token create`",
                    token.name
                );
            }
            hand_over(
                secret.expose(),
                &format!("The token {} has a new secret. {SOON}", token.name),
            )
        })
    }
}

impl Revoke {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        self.database.run(async |accounts| {
            let tokens = &*accounts.store.service_tokens;
            let token = find(tokens, &self.token).await?;
            tokens.revoke(token.id, &Actor::command()).await?;
            say(&format!("The token {} is revoked. {SOON}", token.name))
        })
    }
}

/// The token of this id or name. Several may have had a name; only one of them is not revoked.
async fn find(tokens: &dyn ServiceTokens, wanted: &str) -> anyhow::Result<ServiceToken> {
    if let Ok(id) = Uuid::try_parse(wanted)
        && let Some((token, _)) = tokens.find(id).await?
    {
        return Ok(token);
    }
    let named = super::all::all(tokens).await?.into_iter().find(|token| {
        let is_usable = token.revoked_at.is_none();
        is_usable && token.name.as_str() == wanted
    });
    match named {
        Some(token) => Ok(token),
        // A secret that was pasted by mistake is not shown again.
        None if wanted.starts_with(tars_shared::account::secret::PREFIX) => {
            bail!(
                "TOKEN: give the token's name or id, not its secret: `tars token list` shows both"
            )
        }
        None => bail!("TOKEN: no token {wanted} can be used: `tars token list` shows all"),
    }
}
