//! One job in words and tables.

mod facts;
mod results;

use std::process::ExitCode;

use tars_shared::clock::{Clock as _, System};
use tars_shared::job::Status;
use uuid::Uuid;

use crate::client::{Answer, Client, Job};
use crate::show::Palette;
use crate::stdout;

/// Shows the job as it is now.
pub(super) async fn run(client: &Client, id: Uuid, json: bool) -> anyhow::Result<ExitCode> {
    let answer = client.get(&super::path(id, ""), &()).await?;
    print(client, &answer, json).await?;
    Ok(ExitCode::SUCCESS)
}

/// Prints this answer, and gives the job in it.
pub(super) async fn print(client: &Client, answer: &Answer, json: bool) -> anyhow::Result<Job> {
    let job: Job = answer.read()?;
    if json {
        stdout::print(&answer.json())?;
        return Ok(job);
    }
    let palette = Palette::of_stdout();
    let mut text = facts::text(&job, System.now(), palette);
    text += &results::text(client, &job, palette).await?;
    if let Some(next) = next_step(&job) {
        text += &format!("\n{next}{}\n", client.server().option());
    }
    stdout::print(&text)?;
    Ok(job)
}

fn next_step(job: &Job) -> Option<String> {
    let id = job.job_id;
    match job.status {
        Status::Queued | Status::Running => Some(format!("Follow it: tars jobs watch {id}")),
        Status::Failed | Status::Cancelled => Some(format!("Submit it again: tars jobs retry {id}")),
        Status::Completed if job.verdict.is_none() => Some(format!("Make it the baseline: tars jobs promote {id}")),
        Status::Completed => None,
    }
}
