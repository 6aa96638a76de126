//! One job in words and tables.

mod facts;
mod results;

use std::process::ExitCode;

use tars_shared::clock::{Clock as _, System};
use tars_shared::job::{FailureKind, Status};
use uuid::Uuid;

use crate::client::{Connection, Job};
use crate::render::Palette;
use crate::stdout;
use tars_client::Answer;

/// Shows the job as it is now.
pub(super) async fn run(client: &Connection, id: Uuid, json: bool) -> anyhow::Result<ExitCode> {
    let answer = client.get(&super::id::path(id, ""), &()).await?;
    print(client, &answer, json).await?;
    Ok(ExitCode::SUCCESS)
}

/// Prints this answer, and gives the job in it.
pub(super) async fn print(client: &Connection, answer: &Answer, json: bool) -> anyhow::Result<Job> {
    let job: Job = answer.read()?;
    if json {
        stdout::print(&answer.json())?;
        return Ok(job);
    }
    let palette = Palette::of_stdout();
    let mut text = facts::text(&job, System.now(), palette);
    text += &results::text(client, &job, palette).await?;
    if let Some(next) = next_step(&job, &client.server().option()) {
        text = text + "\n" + &next + "\n";
    }
    stdout::print(&text)?;
    Ok(job)
}

/// Whether the same submission would fail again.
fn is_permanent(job: &Job) -> bool {
    use FailureKind::{InvalidPolicy, UnknownEnvironment};
    let last = job.failures.last().map(|failure| failure.kind);
    matches!(last, Some(InvalidPolicy | UnknownEnvironment))
}

fn next_step(job: &Job, server: &str) -> Option<String> {
    let id = job.id;
    let step = match job.status {
        Status::Queued | Status::Running => format!("Follow it: tars jobs watch {id}{server}"),
        Status::Failed if is_permanent(job) => {
            "It would fail again: mend it and submit it anew.".to_owned()
        }
        Status::Failed | Status::Cancelled => {
            format!("Submit it again: tars jobs retry {id}{server}")
        }
        Status::Completed if job.verdict.is_none() => {
            format!("Make it the baseline: tars jobs promote {id}{server}")
        }
        Status::Completed => return None,
    };
    Some(step)
}
