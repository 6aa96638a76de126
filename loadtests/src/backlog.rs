//! `tars-load submit` and `ends`: a backlog, and how soon workers are through with it.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::json;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::closed_loop::{Until, saturate};
use crate::reconciliation::{listed, unfinished};
use crate::service::Service;
use crate::session::{Plan, Session};

/// Between two looks whether all have ended: seldom enough not to be the load itself.
const LOOK: Duration = Duration::from_millis(500);

/// Submit jobs and print their ids, one a line
#[derive(Debug, clap::Args)]
pub(crate) struct Submit {
    #[arg(long, value_name = "N")]
    jobs: u64,
    /// The label of these jobs
    #[arg(long, value_name = "NAME")]
    run: String,
    #[arg(long, default_value_t = 1, value_name = "N")]
    episodes: u32,
    #[arg(long, default_value_t = 32, value_name = "N")]
    connections: usize,
}

impl Submit {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let service = Service::from_environment().await?;
        let plan = Arc::new(Plan::submissions(&service.client, &self.run, self.episodes).await?);
        let sessions = Session::several(self.connections, &service.target, &plan);
        let rate = saturate(sessions, Until::Sent(self.jobs)).await;
        ensure!(
            rate.errors == 0,
            "{} of {} submissions were not accepted",
            rate.errors,
            self.jobs
        );
        let ids: Vec<String> = plan.ledger.accepted().iter().map(Uuid::to_string).collect();
        println!("{}", ids.join("\n"));
        Ok(ExitCode::SUCCESS)
    }
}

/// Wait for the ends of submitted jobs, and print how many ended in a second, as JSON
#[derive(Debug, clap::Args)]
pub(crate) struct Ends {
    /// How many there must be
    #[arg(long, value_name = "N")]
    jobs: usize,
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
        let begun = Instant::now();
        while unfinished(&service.client, &self.run).await? {
            ensure!(
                begun.elapsed() < Duration::from_secs(self.patience),
                "the jobs have not ended in time"
            );
            sleep(LOOK).await;
        }
        let mut ends: Vec<_> = listed(&service.client, &self.run)
            .await?
            .iter()
            .filter_map(|job| job.finished_at)
            .collect();
        ensure!(
            ends.len() == self.jobs,
            "{} jobs have ended instead of {}",
            ends.len(),
            self.jobs
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
