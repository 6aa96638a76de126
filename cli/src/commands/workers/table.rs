//! Workers in a table.

use chrono::{DateTime, Utc};
use comfy_table::Cell;

use crate::client::{Worker, ago};
use crate::render::{Ink, Palette};

/// Jobs of one worker that are named.
const NAMED: usize = 2;

/// A row per worker.
pub(in crate::commands) fn text(workers: &[Worker], now: DateTime<Utc>) -> String {
    let mut table = Palette::of_stdout().table();
    let header = [
        "WORKER", "STATE", "BUSY", "VERSION", "STARTED", "SEEN", "RUNS",
    ];
    table.set_header(header.map(|name| Palette::cell(Ink::Faint, name)));
    for worker in workers {
        let started = worker.started_at.map(|moment| ago(now, moment));
        table.add_row([
            Cell::new(&worker.name),
            state(&worker.state),
            Cell::new(format!("{}/{}", worker.busy, worker.slots)),
            Cell::new(worker.version.as_deref().unwrap_or("-")),
            Cell::new(started.as_deref().unwrap_or("-")),
            Cell::new(ago(now, worker.seen_at)),
            Cell::new(runs(worker)),
        ]);
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned() + "\n");
    lines.collect()
}

fn state(state: &str) -> Cell {
    match state {
        "working" => Palette::cell(Ink::Good, state),
        "draining" => Palette::cell(Ink::Unsure, state),
        _ => Palette::cell(Ink::Faint, state),
    }
}

fn runs(worker: &Worker) -> String {
    let named = worker.running.iter().take(NAMED).map(ToString::to_string);
    let mut words: Vec<_> = named.collect();
    match worker.running.len().saturating_sub(NAMED) {
        0 => {}
        more => words.push(format!("and {more} more")),
    }
    if words.is_empty() {
        "-".to_owned()
    } else {
        words.join(" ")
    }
}
