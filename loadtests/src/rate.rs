//! `tars-load rate`, `submit` and `ends`: what comparisons with other services are made of. Whatever
//! answers the same three requests can be measured, T.A.R.S. or not.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::json;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::closed_loop::{Until, saturate};
use crate::job::{self, Policies};
use crate::ledger::Ledger;
use crate::mix::{Mix, Reads};
use crate::reconciliation::{listed, unfinished};
use crate::service::Service;
use crate::session::{Plan, Session};

/// Between two looks whether all have ended: seldom enough not to be the load itself.
const LOOK: Duration = Duration::from_millis(500);

/// Ask as often as answers come, and print how often that was, as JSON
#[derive(Debug, clap::Args)]
pub(crate) struct Rate {
    #[arg(long, default_value_t = 32, value_name = "N")]
    connections: usize,
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// One-episode jobs that name a stored policy
    Submissions {
        /// The label of these jobs
        #[arg(long, value_name = "NAME")]
        run: String,
    },
    /// Jobs that are there
    Polls {
        /// Their ids, one a line, as `tars-load submit` prints them
        #[arg(long, value_name = "FILE")]
        ids: PathBuf,
    },
}

impl Rate {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let service = Service::from_environment().await?;
        let plan = match &self.what {
            What::Submissions { run } => submissions(&service, run, 1).await?,
            What::Polls { ids } => {
                let text = fs::read_to_string(ids)
                    .with_context(|| format!("reading {}", ids.display()))?;
                let ids: Vec<Uuid> = text.lines().map(str::parse).collect::<Result<_, _>>()?;
                ensure!(!ids.is_empty(), "no ids are given");
                Plan {
                    popular: ids.clone(),
                    others: ids,
                    ..Plan::only(Mix {
                        submit: 0.0,
                        poll: 0.0,
                        read: 1.0,
                    })
                }
            }
        };
        let until = Until::Elapsed(Duration::from_secs_f64(self.seconds));
        let rate = saturate(sessions(&service, plan, self.connections).1, until).await;
        let mut figures = json!(rate);
        figures["generator_cores"] = json!(processor_seconds() / rate.seconds);
        println!("{figures}");
        Ok(ExitCode::SUCCESS)
    }
}

/// Processor time of this process so far: a generator that takes a whole core measures itself.
fn processor_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields 14 and 15 of proc(5), in ticks of 10 ms on every Linux; the name in field 2 may hold spaces.
    let fields = stat
        .rsplit_once(") ")
        .map_or("", |(_, fields)| fields)
        .split(' ');
    let ticks = fields
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

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
        let plan = submissions(&service, &self.run, self.episodes).await?;
        let (plan, sessions) = sessions(&service, plan, self.connections);
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

async fn submissions(service: &Service, run: &str, episodes: u32) -> anyhow::Result<Plan> {
    let policies = Policies::store(&service.client).await?;
    let evaluation = job::evaluation(&policies, "DQN", episodes, run)
        .to_string()
        .into();
    Ok(Plan {
        evaluation,
        ..Plan::only(Mix {
            submit: 1.0,
            poll: 0.0,
            read: 0.0,
        })
    })
}

fn sessions(service: &Service, plan: Plan, connections: usize) -> (Arc<Plan>, Vec<Session>) {
    let plan = Arc::new(plan);
    let sessions = (0..connections)
        .map(|_| Session::new(&service.target, &plan))
        .collect();
    (plan, sessions)
}

impl Plan {
    /// One that asks for one kind of thing, which is still to be given.
    fn only(mix: Mix) -> Self {
        let ledger = Ledger::open(Uuid::new_v4());
        Self {
            mix,
            reads: Reads::default(),
            evaluation: bytes::Bytes::new(),
            popular: vec![],
            others: vec![],
            ledger,
        }
    }
}
