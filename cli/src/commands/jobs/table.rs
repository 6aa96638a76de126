//! Jobs in a table.

use chrono::{DateTime, Utc};
use comfy_table::{Table, presets};
use tars_shared::job::Status;

use crate::client::{Job, ago};

/// One row per job.
pub(super) fn jobs(jobs: &[Job], now: DateTime<Utc>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "JOB",
        "STATUS",
        "VERDICT",
        "AGENT",
        "ENVIRONMENTS",
        "EPISODES",
        "SUBMITTED",
    ]);
    for job in jobs {
        table.add_row([
            job.job_id.to_string(),
            job.status.to_string(),
            verdict(job),
            job.agent_type.to_string(),
            job.environments.join(" "),
            episodes(job),
            ago(now, job.submitted_at),
        ]);
    }
    table
}

fn verdict(job: &Job) -> String {
    job.verdict
        .map_or_else(|| "-".to_owned(), |verdict| verdict.as_str().to_owned())
}

/// How many are done, as long as that is not all of them.
fn episodes(job: &Job) -> String {
    match job.status {
        Status::Completed => job.progress.episodes_total.to_string(),
        _ => format!("{}/{}", job.progress.episodes_done, job.progress.episodes_total),
    }
}
