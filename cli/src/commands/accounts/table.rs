//! Accounts in tables.

use chrono::{DateTime, Utc};
use comfy_table::Cell;

use crate::render::{Ink, Palette};

/// A row per entry.
pub(in crate::commands) fn text<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [Cell; N]>,
) -> String {
    let mut table = Palette::of_stdout().table();
    table.set_header(header.map(|name| Palette::cell(Ink::Faint, name)));
    table.add_rows(rows);
    let lines = table.lines().map(|line| line.trim_end().to_owned() + "\n");
    lines.collect()
}

/// A moment that may lie ahead, or `otherwise`.
pub(in crate::commands) fn moment(moment: Option<DateTime<Utc>>, otherwise: &str) -> String {
    moment.map_or_else(
        || otherwise.to_owned(),
        |moment| moment.format("%Y-%m-%d %H:%M UTC").to_string(),
    )
}
