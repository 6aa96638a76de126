//! `tars dlq discard` and `restore`.

use std::process::ExitCode;

use serde::Deserialize;
use serde_json::{Value, json};

use super::model::Rehearsal;
use super::replay::asked;
use super::selection::Selection;
use crate::client::Connection;
use crate::exit_code::BAD_INPUT;
use crate::render::number::count;
use crate::stdout;

/// Hide dead letters that nobody wants; they can be restored until retention takes them
#[derive(Debug, clap::Args)]
pub(super) struct Discard {
    #[command(flatten)]
    aside: Aside,
}

/// Bring discarded dead letters back
#[derive(Debug, clap::Args)]
pub(super) struct Restore {
    #[command(flatten)]
    aside: Aside,
}

#[derive(Debug, clap::Args)]
struct Aside {
    #[command(flatten)]
    selection: Selection,
    /// Why; it is kept with each letter and in the audit log
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Print the service's JSON
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Changed {
    changed: u64,
    complete: bool,
}

impl Discard {
    pub(super) async fn run(self, client: &Connection) -> anyhow::Result<ExitCode> {
        let body = self.aside.body()?;
        if !self.aside.yes {
            let mut dry = self.aside.selection.body()?;
            dry["dry_run"] = json!(true);
            let answer = client.post_body("/v1/dead-letters/replays", &dry).await?;
            let matched = answer.read::<Rehearsal>()?.matched;
            if matched > 1 && !asked(&format!("Discard {} dead letters?", count(matched)))? {
                eprintln!("nothing was discarded");
                return Ok(BAD_INPUT.into());
            }
        }
        self.aside.ask(client, "discard", "discarded", &body).await
    }
}

impl Restore {
    pub(super) async fn run(self, client: &Connection) -> anyhow::Result<ExitCode> {
        let body = self.aside.body()?;
        self.aside.ask(client, "restore", "restored", &body).await
    }
}

impl Aside {
    fn body(&self) -> anyhow::Result<Value> {
        let mut body = self.selection.body()?;
        body["note"] = json!(self.note);
        Ok(body)
    }

    async fn ask(
        &self,
        client: &Connection,
        action: &str,
        done: &str,
        body: &Value,
    ) -> anyhow::Result<ExitCode> {
        let answer = client
            .post_body(&format!("/v1/dead-letters/{action}"), body)
            .await?;
        let Changed { changed, complete } = answer.read()?;
        stdout::print(&if self.json {
            answer.json()
        } else {
            let more = if complete {
                ""
            } else {
                "; there are more: ask again"
            };
            format!("{done} {} dead letters{more}\n", count(changed))
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
