//! `tars-load soak`: half of what the service can do, for long, while workers die.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::task::block_in_place;
use tokio::time::{Instant, interval_at};
use uuid::Uuid;

use crate::arrivals::{Arrivals, Stage};
use crate::closed_loop::{Until, saturate};
use crate::drift::Drift;
use crate::figures::Counts;
use crate::job::Work;
use crate::ledger::Ledger;
use crate::load::{Load, Options};
use crate::mix::{Mix, Reads};
use crate::processes::Watched;
use crate::profile::TooManyRequests;
use crate::reconciliation::reconcile;
use crate::report::{self, Report};
use crate::run::describe;
use crate::service::{Service, Where};
use crate::session::{Plan, Session};
use crate::threshold::{Metric, Threshold};

/// How long it is tried how much the service can do.
const CALIBRATION: Duration = Duration::from_secs(8);
/// How often memory is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Load a private service for long at half of what it can do, while its workers are killed
#[derive(Debug, clap::Args)]
pub(crate) struct Soak {
    #[arg(long, default_value_t = 30.0)]
    minutes: f64,
    /// Seconds between two kills; the first worker is spared, so that its memory can be watched
    #[arg(long, default_value_t = 20, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    kill_every: u64,
    /// Requests per second, half of them submissions [default: so many that half of the jobs that can be finished come in]
    #[arg(long, value_name = "N")]
    rate: Option<f64>,
    #[command(flatten)]
    service: Where,
    #[command(flatten)]
    options: Options,
}

impl Soak {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let mut service = self.service.open(u32::MAX).await?;
        let workers = service
            .private
            .as_ref()
            .context("only a private service may be killed: --stack")?
            .workers
            .len();
        ensure!(
            workers > 1,
            "with one worker there is none to spare: --workers 2"
        );
        let rate = match self.rate {
            Some(rate) => rate,
            None => calibrate(&service).await?,
        };
        let seconds = self.minutes * 60.0;
        let load = Load {
            arrivals: Arrivals::of(&[Stage::steady("soak", seconds, rate)]),
            mix: Mix {
                submit: 0.5,
                poll: 0.5,
                read: 0.0,
            },
            reads: Reads::default(),
            episodes: 1,
        };
        println!(
            "{} before; {rate:.0} requests per second for {seconds:.0} s, a worker killed every {} s",
            report::machine(),
            self.kill_every
        );
        let mut drift = Drift::default();
        let mut kills = Ok(0);
        let outcome = load
            .put_on(&mut service, self.options, async |service: &mut Service| {
                kills = kill_and_look(
                    service,
                    &mut drift,
                    seconds,
                    Duration::from_secs(self.kill_every),
                )
                .await;
            })
            .await?;
        println!("  {} workers were killed with SIGKILL", kills?);
        describe(&outcome);
        let mut figures = Counts::of(&outcome.samples)
            .figures(load.arrivals.count(), TooManyRequests::Unexpected);
        figures.set(
            Metric::UnaccountedJobs,
            outcome.reconciliation.unaccounted() as f64,
        );
        drift.measure(
            &outcome.samples,
            Duration::from_secs_f64(seconds),
            &mut figures,
        );
        let thresholds = [
            Threshold::at_most(Metric::ErrorRate, 0.0),
            Threshold::at_most(Metric::UnaccountedJobs, 0.0),
            Threshold::below(Metric::LatencyDrift, 1.5),
            Threshold::below(Metric::MemoryGrowthMib, 32.0),
            Threshold::at_most(Metric::DescriptorGrowth, 16.0),
        ];
        let mut report = Report::default();
        report.judge(
            "soak",
            thresholds.iter().map(|threshold| ("ours", threshold)),
            &figures,
        );
        println!("\n{}\n{} after", report.table(), report::machine());
        Ok(ExitCode::from(u8::from(report.has_failed())))
    }
}

/// Requests per second at which, with one submission in two, half of the jobs come in that the
/// service can take and finish.
async fn calibrate(service: &Service) -> anyhow::Result<f64> {
    let run = Uuid::new_v4();
    let submissions = Plan::submissions(&service.client, &run.to_string(), Work::Whole).await?;
    let plan = Arc::new(Plan {
        ledger: Ledger::open(run),
        ..submissions
    });
    let session = || Session::new(&service.target, &plan);
    let begun = Instant::now();
    saturate(
        (0..32).map(|_| session()).collect(),
        Until::Elapsed(CALIBRATION),
    )
    .await;
    let found = reconcile(
        &service.client,
        &plan.ledger,
        &mut session(),
        Duration::from_mins(5),
    )
    .await?;
    let jobs_per_second = found.accepted as f64 / begun.elapsed().as_secs_f64();
    println!(
        "{} jobs were taken and finished at {jobs_per_second:.0} per second",
        found.accepted
    );
    Ok(jobs_per_second)
}

/// Kills the workers in turn, all but the first, and gives how many it were.
async fn kill_and_look(
    service: &mut Service,
    drift: &mut Drift,
    seconds: f64,
    every: Duration,
) -> anyhow::Result<u32> {
    let spared: Vec<Watched> = service.processes().into_iter().take(2).collect();
    let private = service.private.as_mut().context("a private service")?;
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut looks = interval_at(Instant::now(), LOOK);
    let mut kills = interval_at(Instant::now() + every, every);
    let mut killed: u32 = 0;
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(end) => return Ok(killed),
            _ = looks.tick() => drift.look(&spared),
            _ = kills.tick() => {
                killed += 1;
                let index = 1 + (killed as usize - 1) % (private.workers.len() - 1);
                // The load is other threads' work.
                block_in_place(|| -> anyhow::Result<()> {
                    private.workers[index].kill()?;
                    private.workers[index] = private.worker(&format!("worker-{}-{killed}", index + 1))?;
                    Ok(())
                })?;
            }
        }
    }
}
