//! `tars keys rotate`.

use std::process::ExitCode;
use std::time::Duration;

use tars_shared::account::Actor;

use crate::commands::accounts::{Database, SOON, say};

/// Nobody who stays in is logged out by a grace as long as the life of a refresh token.
const LONGEST: u64 = tars_api::REFRESH_TOKEN_LIFE.as_secs();

#[derive(Debug, clap::Args)]
pub(super) struct Rotate {
    /// Seconds for which tokens of the former keys stay good; the default is the life of a refresh
    /// token, 0 logs everybody out
    #[arg(long, default_value_t = LONGEST, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(..=LONGEST))]
    grace_seconds: u64,
    #[command(flatten)]
    database: Database,
}

impl Rotate {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        self.database.run(async |accounts| {
            let grace = Duration::from_secs(self.grace_seconds);
            let key = accounts
                .store
                .signing_keys
                .rotate(grace, &Actor::command())
                .await?;
            let others = match self.grace_seconds {
                0 => "all who logged in before must log in again".to_owned(),
                seconds => format!("tokens of the former keys stay good for {seconds} seconds"),
            };
            say(&format!(
                "The key {} signs from now on; {others}. {SOON}",
                key.id
            ))
        })
    }
}
