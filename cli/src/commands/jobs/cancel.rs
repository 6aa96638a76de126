//! `tars jobs cancel`: one job, or all that fit a filter.

use std::process::ExitCode;

use anyhow::bail;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tars_engine::policy_file::Algorithm;
use tars_shared::clock::{Clock as _, System};
use tars_shared::job::Status;
use tars_shared::request::Priority;
use uuid::Uuid;

use super::id::{job_id, path};
use super::list::label;
use super::table;
use crate::client::{Connection, Job};
use crate::stdout;

/// Take a job back, or many at once
///
/// Many are named by what they have in common; --dry-run shows what would be met, --yes goes on.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own on the command line"
)]
#[command(group = clap::ArgGroup::new("many").multiple(true))]
pub(super) struct Cancel {
    /// The job's full id
    #[arg(value_name = "JOB_ID", value_parser = job_id, conflicts_with = "many")]
    id: Option<Uuid>,
    #[command(flatten)]
    filter: Filter,
    /// Every job that has not ended
    #[arg(long, group = "many", conflicts_with_all = ["status", "agent_type", "environment", "label", "submitter", "priority", "older_than_seconds"])]
    all: bool,
    /// Count the jobs and show some, and change nothing
    #[arg(long, conflicts_with = "id")]
    dry_run: bool,
    /// Cancel many
    #[arg(long, conflicts_with_all = ["id", "dry_run"])]
    yes: bool,
    /// Print the service's JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args, Serialize)]
struct Filter {
    /// Only jobs that are queued or running
    #[arg(long, group = "many")]
    status: Option<Status>,
    /// Only jobs of this algorithm
    #[arg(long = "agent", value_name = "ALGORITHM", group = "many")]
    agent_type: Option<Algorithm>,
    /// Only jobs on this environment
    #[arg(long = "env", value_name = "ID", group = "many")]
    environment: Option<String>,
    /// Only jobs with this label
    #[arg(long, value_name = "NAME=VALUE", value_parser = label, group = "many")]
    label: Option<String>,
    /// Only jobs of this account: user:NAME, or token:ID with the id of a service token
    #[arg(long, value_name = "ACCOUNT", group = "many")]
    submitter: Option<String>,
    /// Only jobs of this priority
    #[arg(long, group = "many")]
    priority: Option<Priority>,
    /// Only jobs that were submitted so long ago
    #[arg(long = "older-than", value_name = "SECONDS", group = "many")]
    older_than_seconds: Option<u32>,
}

#[derive(Serialize)]
struct Body<'a> {
    filter: &'a Filter,
    all: bool,
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    submitted_before: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Outcome {
    /// A service of before there was this does not say it.
    submitted_before: Option<DateTime<Utc>>,
    cancelled: u64,
    requested: u64,
    matched: Option<u64>,
    more: bool,
    #[serde(default)]
    sample: Vec<Job>,
}

impl Cancel {
    pub(super) async fn run(self, client: &Connection) -> anyhow::Result<ExitCode> {
        if let Some(id) = self.id {
            return self.one(client, id).await;
        }
        if !self.dry_run && !self.yes {
            bail!(
                "name a job; or many by a filter or --all, with --dry-run to see them or --yes to cancel them"
            );
        }
        let mut body = Body {
            filter: &self.filter,
            all: self.all,
            dry_run: self.dry_run,
            submitted_before: None,
        };
        let (mut cancelled, mut requested) = (0, 0);
        loop {
            // What was met before is not met again, nor what is submitted meanwhile.
            let answer = client.post_body("/v1/jobs/cancel", &body).await?;
            let outcome: Outcome = answer.read()?;
            if self.json {
                stdout::print(&answer.json())?;
            }
            body.submitted_before = outcome.submitted_before;
            cancelled += outcome.cancelled;
            requested += outcome.requested;
            if self.dry_run {
                if !self.json {
                    stdout::print(&would(&outcome))?;
                }
                return Ok(ExitCode::SUCCESS);
            }
            if !outcome.more {
                break;
            }
        }
        if !self.json {
            stdout::print(&format!(
                "{cancelled} jobs are cancelled, the workers of {requested} were asked to stop\n"
            ))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn one(&self, client: &Connection, id: Uuid) -> anyhow::Result<ExitCode> {
        let answer = client.post(&path(id, "/cancel")).await?;
        stdout::print(&if self.json {
            answer.json()
        } else {
            let job: Job = answer.read()?;
            format!("job {id} is {}: {}\n", job.status, job.explanation)
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What a dry run found.
fn would(outcome: &Outcome) -> String {
    let matched = outcome.matched.unwrap_or_default();
    let more = if outcome.more { "more than " } else { "" };
    let jobs = if outcome.sample.is_empty() {
        String::new()
    } else {
        format!(
            ", among them\n{}",
            table::text(&outcome.sample, System.now())
        )
    };
    format!("{more}{matched} jobs would be cancelled{jobs}")
        .trim_end()
        .to_owned()
        + "\n"
}
