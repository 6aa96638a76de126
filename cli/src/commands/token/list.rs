//! `tars token list`.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use comfy_table::Cell;
use tars_shared::account::ServiceToken;

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

const HEADER: [&str; 8] = [
    "TOKEN",
    "ROLE",
    "STATE",
    "EXPIRES",
    "PER MINUTE",
    "LAST USED",
    "MADE BY",
    "ID",
];

impl List {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        self.database.run(async |accounts| {
            let tokens = super::all::all(&*accounts.store.service_tokens).await?;
            if self.json {
                return print_json(&tokens);
            }
            if tokens.is_empty() {
                return say("There are no service tokens yet. Make one: tars token create NAME --role developer");
            }
            let now = accounts.clock.now();
            stdout::print(&table::text(HEADER, tokens.iter().map(|token| row(token, now))))?;
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn row(token: &ServiceToken, now: DateTime<Utc>) -> [Cell; 8] {
    let state = if token.revoked_at.is_some() {
        Palette::cell(Ink::Faint, "revoked")
    } else if token.expires_at.is_some_and(|end| end <= now) {
        Palette::cell(Ink::Bad, "expired")
    } else {
        Cell::new("usable")
    };
    [
        Cell::new(&token.name),
        Cell::new(token.role),
        state,
        Cell::new(table::moment(token.expires_at, "never")),
        Cell::new(
            token
                .requests_per_minute
                .map_or_else(|| "default".to_owned(), |number| number.to_string()),
        ),
        Cell::new(table::moment(token.last_used_at, "never")),
        Cell::new(&token.created_by),
        Cell::new(token.id),
    ]
}
