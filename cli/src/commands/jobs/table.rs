//! Jobs in a table.

use chrono::{DateTime, Utc};
use comfy_table::Cell;
use tars_engine::regression::Verdict;
use tars_shared::job::Status;

use crate::client::{Job, ago};
use crate::render::{Ink, Palette};

/// A row per job.
pub(super) fn text(jobs: &[Job], now: DateTime<Utc>) -> String {
    let mut table = Palette::of_stdout().table();
    let header = [
        "JOB",
        "STATUS",
        "VERDICT",
        "AGENT",
        "ENVIRONMENTS",
        "EPISODES",
        "SUBMITTED",
    ];
    table.set_header(header.map(|name| Palette::cell(Ink::Faint, name)));
    for job in jobs {
        table.add_row([
            Cell::new(job.id),
            status(job.status),
            verdict(job.verdict),
            Cell::new(job.agent_type),
            Cell::new(job.environments.join(" ")),
            Cell::new(episodes(job)),
            Cell::new(ago(now, job.submitted_at)),
        ]);
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned() + "\n");
    lines.collect()
}

fn status(status: Status) -> Cell {
    match status {
        Status::Failed => Palette::cell(Ink::Bad, status.as_str()),
        Status::Cancelled => Palette::cell(Ink::Faint, status.as_str()),
        Status::Queued | Status::Running | Status::Completed => Cell::new(status),
    }
}

fn verdict(verdict: Option<Verdict>) -> Cell {
    let Some(verdict) = verdict else {
        return Cell::new("-");
    };
    let ink = match verdict {
        Verdict::Pass => Ink::Good,
        Verdict::Regression => Ink::Bad,
        Verdict::Inconclusive => Ink::Unsure,
    };
    Palette::cell(ink, verdict.as_str())
}

/// How many are done, as long as that is not all of them.
fn episodes(job: &Job) -> String {
    let (done, total) = (job.progress.episodes_done, job.progress.episodes_total);
    match job.status {
        Status::Completed => total.to_string(),
        _ => format!("{done}/{total}"),
    }
}
