//! `tars-load submit` and `ends`: a backlog, and how soon workers are through with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use crate::closed_loop::{Until, saturate};
use crate::job::Work;
use crate::reconciliation::{listed, wait_for_ends};
use crate::service::Service;
use crate::session::{Plan, Session};

/// Submit jobs and print their ids, one a line
#[derive(Debug, clap::Args)]
pub(crate) struct Submit {
    #[arg(long, value_name = "N")]
    jobs: u64,
    /// The label of these jobs
    #[arg(long, value_name = "NAME")]
    run: String,
    /// How much work the one episode of each is
    #[arg(long, value_enum, default_value_t = Work::Whole)]
    work: Work,
    #[arg(long, default_value_t = 32, value_name = "N")]
    connections: usize,
}

impl Submit {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let service = Service::from_environment().await?;
        let plan = Arc::new(Plan::submissions(&service.client, &self.run, self.work).await?);
        let sessions = Session::several(self.connections, &service.target, &plan);
        let rate = saturate(sessions, Until::Sent(self.jobs)).await;
        ensure!(
            rate.errors.is_empty(),
            "of {} submissions some were not accepted: {:?}",
            self.jobs,
            rate.errors
        );
        let ids: Vec<String> = plan.ledger.accepted().iter().map(Uuid::to_string).collect();
        println!("{}", ids.join("\n"));
        Ok(ExitCode::SUCCESS)
    }
}

/// Wait for the ends of submitted jobs, and print how many ended in a second, as JSON
#[derive(Debug, clap::Args)]
pub(crate) struct Ends {
    /// Their ids, one a line, as `tars-load submit` prints them
    #[arg(long, value_name = "FILE")]
    ids: PathBuf,
    /// Their label
    #[arg(long, value_name = "NAME")]
    run: String,
    /// Seconds that it may take
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    patience: u64,
}

impl Ends {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let service = Service::from_environment().await?;
        let ids = read_ids(&self.ids)?;
        let end = Instant::now() + Duration::from_secs(self.patience);
        wait_for_ends(&service.client, &self.run, ids.last(), end).await?;
        let mut ends: Vec<_> = listed(&service.client, &self.run)
            .await?
            .iter()
            .filter_map(|job| job.finished_at)
            .collect();
        ensure!(
            ends.len() == ids.len(),
            "{} jobs have ended instead of {}",
            ends.len(),
            ids.len()
        );
        ends.sort_unstable();
        let (first, last) = (
            ends.first().context("no job")?,
            ends.last().context("no job")?,
        );
        // Between the first end and the last: how long a worker takes to start is another matter.
        let seconds = (*last - *first).as_seconds_f64();
        let per_second = (ends.len() - 1) as f64 / seconds;
        println!(
            "{}",
            json!({"jobs": ends.len(), "seconds": seconds, "per_second": per_second})
        );
        Ok(ExitCode::SUCCESS)
    }
}

/// Ids as `tars-load submit` prints them.
pub(crate) fn read_ids(file: &Path) -> anyhow::Result<Vec<Uuid>> {
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let ids: Vec<Uuid> = text.lines().map(str::parse).collect::<Result<_, _>>()?;
    ensure!(!ids.is_empty(), "{} holds no ids", file.display());
    Ok(ids)
}
