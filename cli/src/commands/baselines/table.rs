//! Baselines in a table.

use chrono::{DateTime, Utc};
use comfy_table::CellAlignment;
use tars_shared::baseline::Baseline;

use crate::client::{Connection, ago};
use crate::render::number::{Decimals, count, percent};
use crate::render::{Ink, Palette};

/// The columns of numbers, which stand to the right.
const NUMBERS: std::ops::RangeInclusive<usize> = 2..=7;

/// A row per baseline, or how to get one.
pub(super) fn text(client: &Connection, baselines: &[Baseline], now: DateTime<Utc>) -> String {
    if baselines.is_empty() {
        let server = client.server().option();
        return format!(
            "There are no such baselines. Make a finished job one: tars baselines promote JOB_ID{server}\n"
        );
    }
    let palette = Palette::of_stdout();
    let mut table = palette.table();
    let header = [
        "AGENT",
        "ENVIRONMENT",
        "RANK",
        "MEAN",
        "STD",
        "SUCCESS",
        "EPISODES",
        "VERSION",
        "ADDED",
        "SOURCE JOB",
    ];
    table.set_header(header.map(|name| Palette::cell(Ink::Faint, name)));
    for baseline in baselines {
        table.add_row(row(baseline, now));
    }
    for column in NUMBERS {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned() + "\n");
    lines.collect()
}

fn row(baseline: &Baseline, now: DateTime<Utc>) -> [String; 10] {
    let content = &baseline.content;
    let statistics = &content.statistics;
    let decimals = Decimals::of_scale(statistics.mean_reward.abs().max(statistics.std_reward));
    let source = content
        .source_job
        .map_or_else(|| "-".to_owned(), |job| job.to_string());
    [
        content.agent_type.to_string(),
        content.environment.clone(),
        baseline.rank.to_string(),
        decimals.write(statistics.mean_reward),
        decimals.write(statistics.std_reward),
        statistics
            .success_rate
            .map_or("unknown".to_owned(), percent),
        count(statistics.n.into()),
        baseline.version.to_string(),
        ago(now, baseline.created_at),
        source,
    ]
}
