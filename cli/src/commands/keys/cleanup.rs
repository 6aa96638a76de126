//! `tars keys cleanup`, which something like a cron job runs.

use std::process::ExitCode;

use tars_shared::account::Actor;
use tars_shared::store::CleanedUp;

use crate::commands::accounts::{Database, say};

#[derive(Debug, clap::Args)]
pub(super) struct Cleanup {
    #[command(flatten)]
    database: Database,
}

impl Cleanup {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        self.database.run(async |accounts| {
            let CleanedUp { keys, sessions } = accounts.store.signing_keys.clean_up(&Actor::command()).await?;
            let plural = |number: u64| if number == 1 { "" } else { "s" };
            let (more_keys, more_sessions) = (plural(keys), plural(sessions));
            say(&format!("Removed {keys} expired key{more_keys} and {sessions} session{more_sessions} that were over."))
        })
    }
}
