//! `tars demo`: the whole service in this process, and a story that shows what it is for.

mod agents;
mod round;
mod story;
mod table;

use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use tars_api::config::{Fairness, Limits, Secrets};
use tars_engine::regression::Thresholds;
use tars_shared::account::secret::Secret;
use tars_shared::account::{Actor, Role};
use tars_shared::backends::Backends;
use tars_shared::dead_letter::Keeping;
use tars_shared::mode::Mode;
use tars_shared::services::Services;
use tars_shared::webhook::Webhooks;

use self::round::Outcome;
use self::story::{CANDIDATES, EPISODES, Expected, GENERATION};
use crate::client::{Connection, Server};
use crate::embedded::{Bound, EmbeddedService};
use crate::exit_code::INTERRUPTED;
use crate::logging;
use crate::render::number::count;
use crate::render::{Ink, Palette};
use crate::service_token::{self, Wanted};
use crate::stdout;

/// Start the service, evaluate example policies and show the verdicts
///
/// It needs nothing beside this binary: the policies are part of it, the service runs in this
/// process on a free port, and its data is in a temporary folder that is removed at the end.
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
        // The progress bars share the terminal with the log, and warp calls a connection that ends
        // with the service an error.
        logging::start("error,warp=off");
        let data = tempfile::tempdir().context("cannot make a temporary folder")?;
        tokio::runtime::Runtime::new().context("cannot start the async runtime")?.block_on(async {
            let api = api_config(self.port)?;
            let worker = tars_worker::Config {
                concurrency: None,
                window: 256,
                worker_name: "demo".to_owned(),
                lease_seconds: 5,
                max_attempts: 5,
                grace_seconds: 0,
                keeping: Keeping::default(),
                policy_cache_mib: 64,
webhooks: Webhooks::default(),
            };
            let bound = Bound::new(&Backends::embedded(data.path()), &api, Mode::Development).await?;
            let token = make_token(bound.services()).await?;
            let service = bound.serve(&worker, Thresholds::default());
            let code = tokio::select! {
                code = self.show(&service, &token) => code?,
                interrupted = tokio::signal::ctrl_c() => interrupted.map(|()| ExitCode::from(INTERRUPTED))?,
            };
            if !self.once && code == ExitCode::SUCCESS {
                tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C")?;
            }
            service.stop().await?;
            Ok(code)
        })
    }

    async fn show(&self, service: &EmbeddedService, token: &Secret) -> anyhow::Result<ExitCode> {
        let client = Server::at(&service.url())?.connect_with(Some(token.expose()))?;
        let story = tell(&client).await?;
        if !self.once {
            stdout::print(&look_around(&client, &story, token))?;
            return Ok(ExitCode::SUCCESS);
        }
        let strangers: Vec<_> = story
            .iter()
            .filter(|outcome| !outcome.is_expected())
            .collect();
        for Outcome { plan, job } in &strangers {
            eprintln!(
                "tars: {}: expected {:?}, but: {}",
                plan.name, plan.expected, job.explanation
            );
        }
        Ok(if strangers.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// Nobody logs in here: the service's secrets live as long as the demo does.
fn api_config(port: u16) -> anyhow::Result<tars_api::Config> {
    let admin_name = "admin".parse().map_err(anyhow::Error::msg)?;
    Ok(tars_api::Config {
        host: IpAddr::V4(Ipv4Addr::LOCALHOST),
        port,
        secrets: Secrets {
            jwt_secret_key: None,
            admin_name,
            admin_password: None,
        },
        trusted_proxies: Vec::new(),
        cors_origins: Vec::new(),
        max_connections: 64,
        max_connections_per_address: 64,
        scale_target_seconds: 30,
        overdue_high_seconds: 300,
        overdue_normal_seconds: 3600,
        overdue_low_seconds: 86_400,
        header_timeout_seconds: 10,
        webhooks: Webhooks::default(),
        job_cache_mib: 64,
        keeping: Keeping::default(),
        fairness: Fairness::default(),
        limits: Limits::default(),
    })
}

/// A token for the story, and for whoever looks around afterwards.
async fn make_token(services: &Services) -> anyhow::Result<Secret> {
    let name = "demo".parse().map_err(anyhow::Error::msg)?;
    let wanted = Wanted {
        name,
        role: Role::Admin,
        requests_per_minute: Some(1_000_000),
        expires_in: None,
    };
    let made =
        service_token::make(&services.store, &*services.clock, wanted, &Actor::service()).await?;
    made.map(|(_, secret)| secret)
        .context("an empty database has a token already")
}

/// The story, and everything that came of it.
async fn tell(client: &Connection) -> anyhow::Result<Vec<Outcome>> {
    let palette = Palette::of_stdout();
    let heading =
        |text: &str| stdout::print(&format!("\n{}\n\n", palette.paint(Ink::Strong, text)));
    let server = client.address();
    stdout::print(&format!(
        "T.A.R.S. is listening on {server}: API, workers and database in this process.\n"
    ))?;
    let start = Instant::now();

    let episodes = count(EPISODES.into());
    heading(&format!(
        "1  Evaluate {} trained agents, {episodes} episodes each",
        GENERATION.len()
    ))?;
    let mut story = round::run(client, &GENERATION).await?;

    heading("2  Promote their results: they are the baselines now")?;
    for outcome in &story {
        client
            .post(&format!("/v1/jobs/{}/promote", outcome.job.id))
            .await?;
    }
    stdout::print(&table::baselines(&story, palette))?;

    heading(&format!(
        "3  Evaluate {} candidates against them",
        CANDIDATES.len()
    ))?;
    let candidates = round::run(client, &CANDIDATES).await?;
    let seconds = start.elapsed().as_secs_f64();
    stdout::print(&format!("\n{}", table::verdicts(&candidates, palette)))?;

    heading("Why not all of them pass")?;
    stdout::print(&table::reasons(&candidates, palette))?;
    story.extend(candidates);
    stdout::print(&format!("\n{}\n", table::totals(&story, seconds)))?;
    Ok(story)
}

/// Commands to try on what is there now.
fn look_around(client: &Connection, story: &[Outcome], token: &Secret) -> String {
    let server = client.address();
    // As this process was called, so that the lines work as they stand, installed or not.
    let tars = std::env::args().next().unwrap_or_else(|| "tars".to_owned());
    let regressed = story
        .iter()
        .find(|outcome| outcome.plan.expected == Expected::Regression);
    let show = regressed.map_or_else(String::new, |outcome| {
        let id = outcome.job.id;
        format!(
            "  {tars} jobs show {id}\n  curl -s -H \"Authorization: Bearer $TARS_TOKEN\" $TARS_SERVER/v1/jobs/{id}\n"
        )
    });
    format!(
        "\nThe service stays until Ctrl-C. In another terminal:\n\n  export TARS_SERVER={server}\n  export TARS_TOKEN={token}\n  \
         {tars} jobs list\n{show}  {tars} baselines list\n  curl -s $TARS_SERVER/metrics | grep verdicts\n",
        token = token.expose(),
    )
}
