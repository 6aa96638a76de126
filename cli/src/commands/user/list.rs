//! `tars user list`.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use comfy_table::Cell;
use tars_shared::account::User;
use tars_shared::store::Users;

use crate::client::ago;
use crate::commands::accounts::{Database, PAGE, print_json, say, table};
use crate::show::{Ink, Palette};
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
            let users = all(&*accounts.store.users).await?;
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

async fn all(users: &dyn Users) -> anyhow::Result<Vec<User>> {
    let mut all: Vec<User> = Vec::new();
    loop {
        let after = all.last().map(|user| &user.name);
        let page = users.list(after, PAGE).await?;
        let is_last = page.len() < PAGE as usize;
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}

fn row(user: &User, now: DateTime<Utc>) -> [Cell; 4] {
    let state = match user.disabled_at {
        None => Cell::new("enabled"),
        Some(since) => Palette::cell(Ink::Bad, &format!("disabled {}", ago(now, since))),
    };
    [Cell::new(&user.name), Cell::new(user.role), state, Cell::new(ago(now, user.created_at))]
}
