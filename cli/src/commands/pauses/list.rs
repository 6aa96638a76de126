//! `tars pauses list`.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use comfy_table::Cell;
use tars_shared::clock::{Clock as _, System};

use crate::client::{Connection, Pause, Pauses, ago};
use crate::render::{Ink, Palette};
use crate::stdout;

#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Print the service's JSON
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) async fn run(self, client: &Connection) -> anyhow::Result<ExitCode> {
        let answer = client.get("/v1/pauses", &()).await?;
        stdout::print(&if self.json {
            answer.json()
        } else {
            text(&answer.read::<Pauses>()?.items, System.now())
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn text(pauses: &[Pause], now: DateTime<Utc>) -> String {
    if pauses.is_empty() {
        return "Nothing is paused.\n".to_owned();
    }
    let mut table = Palette::of_stdout().table();
    let header = ["PAUSE", "WHAT", "HELD", "BY", "SINCE", "UNTIL", "REASON"];
    table.set_header(header.map(|name| Palette::cell(Ink::Faint, name)));
    for pause in pauses {
        let until = pause.until.map(|until| until.format("%F %T").to_string());
        table.add_row([
            Cell::new(pause.id),
            Cell::new(pause.what()),
            Cell::new(pause.held),
            Cell::new(&pause.paused_by),
            Cell::new(ago(now, pause.since)),
            Cell::new(until.as_deref().unwrap_or("-")),
            Cell::new(&pause.reason),
        ]);
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned() + "\n");
    lines.collect()
}
