//! `tars demo`: the whole service in this process, and a story that shows what it is for.

mod agents;
mod round;
mod story;
mod table;

use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use tars_engine::regression::Thresholds;

use self::round::Outcome;
use self::story::{CANDIDATES, EPISODES, GENERATION};
use crate::client::{Client, Server};
use crate::logging;
use crate::service::Service;
use crate::show::number::count;
use crate::show::{Ink, Palette};
use crate::stdout;

/// Start the service, evaluate example policies and show the verdicts
///
/// It needs nothing beside this binary: the policies are part of it, the service runs in this process on a free port, and
/// its data is in a temporary folder that is removed at the end.
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// Exit after the story: with 0 if every evaluation came out as expected, with 1 otherwise
    #[arg(long)]
    once: bool,
    /// Port to listen on; 0 takes any free one
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    port: u16,
}

impl Demo {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        logging::start("error");
        let data = tempfile::tempdir().context("cannot make a temporary folder")?;
        tokio::runtime::Runtime::new()
            .context("cannot start the async runtime")?
            .block_on(async {
                let api = tars_api::Config {
                    host: IpAddr::V4(Ipv4Addr::LOCALHOST),
                    port: self.port,
                };
                let worker = tars_worker::Config {
                    concurrency: None,
                    worker_name: "demo".to_owned(),
                    lease_seconds: 5,
                    max_attempts: 5,
                };
                let service = Service::start(data.path(), &api, &worker, Thresholds::default()).await?;
                let code = tokio::select! {
                    code = self.show(&service) => code,
                    interrupted = tokio::signal::ctrl_c() => {
                        interrupted.context("cannot wait for Ctrl-C").map(|()| ExitCode::SUCCESS)
                    }
                };
                service.stop().await?;
                code
            })
    }

    async fn show(&self, service: &Service) -> anyhow::Result<ExitCode> {
        let client = Server::at(&service.url())?.client()?;
        let as_expected = tell(&client).await?;
        if self.once {
            return Ok(if as_expected {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
        std::future::pending().await
    }
}

/// The story. Whether every evaluation came out as expected.
async fn tell(client: &Client) -> anyhow::Result<bool> {
    let palette = Palette::of_stdout();
    let heading = |text: &str| stdout::print(&format!("\n{}\n\n", palette.paint(Ink::Strong, text)));
    let server = client.server();
    stdout::print(&format!(
        "T.A.R.S. is listening on {server}: API, workers and database in this process, with temporary data.\n"
    ))?;
    let start = Instant::now();

    heading(&format!(
        "1  Evaluate {} trained agents, {} episodes each",
        GENERATION.len(),
        count(EPISODES.into())
    ))?;
    let generation = round::run(client, &GENERATION).await?;

    heading("2  Promote their results: they are the baselines now")?;
    for outcome in &generation {
        client.post(&format!("/v1/jobs/{}/promote", outcome.job.job_id)).await?;
    }
    stdout::print(&table::baselines(&generation, palette))?;

    heading(&format!("3  Evaluate {} candidates against them", CANDIDATES.len()))?;
    let candidates = round::run(client, &CANDIDATES).await?;
    let seconds = start.elapsed().as_secs_f64();
    stdout::print(&format!("\n{}", table::verdicts(&candidates, palette)))?;

    let all = || generation.iter().chain(&candidates);
    heading("Why")?;
    stdout::print(&table::reasons(&candidates, palette))?;
    stdout::print(&format!("\n{}\n", table::totals(all(), seconds)))?;
    heading("Look around, until Ctrl-C")?;
    stdout::print(&look_around(client, &candidates))?;
    let strangers: Vec<&Outcome> = all().filter(|outcome| !outcome.is_expected()).collect();
    for outcome in &strangers {
        eprintln!(
            "tars: {} should have been {:?}",
            outcome.plan.name, outcome.plan.expected
        );
    }
    Ok(strangers.is_empty())
}

/// Commands to try on what is there now.
fn look_around(client: &Client, candidates: &[Outcome]) -> String {
    let server = client.server();
    let option = server.option();
    let mut text = format!("  tars jobs list{option}\n  tars baselines list{option}\n");
    let regressed = candidates
        .iter()
        .find(|outcome| outcome.plan.expected == story::Expected::Regression);
    if let Some(outcome) = regressed {
        let id = outcome.job.job_id;
        text += &format!("  tars jobs show {id}{option}\n");
        text += &format!("  curl -s {server}/v1/jobs/{id}\n");
    }
    text + &format!("  curl -s {server}/v1/environments\n  curl -s {server}/metrics | grep verdicts\n")
}
