//! `tars keys list`.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use comfy_table::Cell;
use tars_shared::account::SigningKey;

use crate::client::ago;
use crate::commands::accounts::{Database, print_json, say, table};
use crate::render::{Ink, Palette};
use crate::stdout;

#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: Database,
}

impl List {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        self.database.run(async |accounts| {
            let keys = accounts.store.signing_keys.list().await?;
            if self.json {
                return print_json(&keys);
            }
            if keys.is_empty() {
                return say("There are no keys yet: the first login makes one.");
            }
            let now = accounts.clock.now();
            let signs = keys.iter().position(|key| !has_expired(key, now));
            let rows = keys
                .iter()
                .enumerate()
                .map(|(place, key)| row(key, signs == Some(place), now));
            stdout::print(&table::text(["KEY", "STATE", "EXPIRES", "MADE"], rows))?;
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn has_expired(key: &SigningKey, now: DateTime<Utc>) -> bool {
    key.expires_at.is_some_and(|end| end <= now)
}

fn row(key: &SigningKey, signs: bool, now: DateTime<Utc>) -> [Cell; 4] {
    let state = if signs {
        Palette::cell(Ink::Good, "signs")
    } else if has_expired(key, now) {
        Palette::cell(Ink::Faint, "expired")
    } else {
        Cell::new("verifies")
    };
    let end = table::moment(key.expires_at, "when another one signs");
    [
        Cell::new(key.id),
        state,
        Cell::new(end),
        Cell::new(ago(now, key.created_at)),
    ]
}
