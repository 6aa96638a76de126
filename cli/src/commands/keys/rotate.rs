//! `tars keys rotate`.

use std::process::ExitCode;
use std::time::Duration;

use tars_shared::account::Actor;

use crate::commands::accounts::{Database, SOON, say};

/// The life of a refresh token, in seconds: nobody who stays in is logged out by a rotation that lasts as long.
const REFRESH_SECONDS: u32 = 7 * 24 * 60 * 60;

#[derive(Debug, clap::Args)]
pub(super) struct Rotate {
    /// Seconds for which tokens of the former keys stay good; the default is the life of a refresh token, 0 logs everybody
    /// out
    #[arg(long, default_value_t = REFRESH_SECONDS, value_name = "SECONDS",
          value_parser = clap::value_parser!(u32).range(..=i64::from(REFRESH_SECONDS)))]
    grace_seconds: u32,
    #[command(flatten)]
    database: Database,
}

impl Rotate {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        self.database.run(async |accounts| {
            let grace = Duration::from_secs(self.grace_seconds.into());
            let key = accounts.store.signing_keys.rotate(grace, &Actor::command()).await?;
            let others = match self.grace_seconds {
                0 => "all who logged in before must log in again".to_owned(),
                seconds => format!("tokens of the former keys stay good for {seconds} seconds"),
            };
            say(&format!("The key {} signs from now on; {others}. {SOON}", key.id))
        })
    }
}
