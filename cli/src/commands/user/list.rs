//! `tars user list`.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use comfy_table::Cell;
use tars_shared::account::User;

use crate::client::ago;
use crate::commands::accounts::{Database, PAGE, print_json, say, table, whole};
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
            let users = &accounts.store.users;
            let users = whole(async |last: Option<&User>| {
                users.list(last.map(|user| &user.name), PAGE).await
            })
            .await?;
            if self.json {
                return print_json(&users);
            }
            if users.is_empty() {
                return say("There are no users yet. Add one: tars user add NAME --role admin");
            }
            let now = accounts.clock.now();
            let rows = users.iter().map(|user| row(user, now));
            stdout::print(&table::text(["USER", "ROLE", "STATE", "ADDED"], rows))?;
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn row(user: &User, now: DateTime<Utc>) -> [Cell; 4] {
    let state = match user.disabled_at {
        None => Cell::new("enabled"),
        Some(since) => Palette::cell(Ink::Bad, &format!("disabled {}", ago(now, since))),
    };
    [
        Cell::new(&user.name),
        Cell::new(user.role),
        state,
        Cell::new(ago(now, user.created_at)),
    ]
}
