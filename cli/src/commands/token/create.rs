//! `tars token create`.

use std::process::ExitCode;

use anyhow::bail;
use chrono::TimeDelta;
use tars_shared::account::{Actor, Name, Role};

use crate::commands::accounts::{Database, hand_over, table};
use crate::service_token::{self, Wanted};

#[derive(Debug, clap::Args)]
pub(super) struct Create {
    /// What it is for
    #[arg(value_name = "NAME")]
    name: Name,
    /// What its bearer may do: a viewer reads, a developer also evaluates, an admin does everything
    #[arg(long, value_name = "ROLE")]
    role: Role,
    /// Days until it expires [default: it never does]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3650))]
    expires_in_days: Option<u32>,
    /// Requests that its bearer may make per minute [default: what the service allows tokens]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    requests_per_minute: Option<u32>,
    #[command(flatten)]
    database: Database,
}

impl Create {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Self {
            name,
            role,
            expires_in_days,
            requests_per_minute,
            database,
        } = self;
        database.run(async |accounts| {
            let expires_in = expires_in_days.map(|days| TimeDelta::days(days.into()));
            let wanted = Wanted { name: name.clone(), role, requests_per_minute, expires_in };
            let made = service_token::make(&accounts.store, &*accounts.clock, wanted, &Actor::command()).await?;
            let Some((token, secret)) = made else {
                bail!(
                    "NAME: there is a token {name} already: choose another, or use `tars token rotate {name}` or \
                     `tars token revoke {name}`"
                );
            };
            let end = table::moment(token.expires_at, "never");
            hand_over(secret.expose(), &format!("The token {name} has the role {role} and expires: {end}."))
        })
    }
}
