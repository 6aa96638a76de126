//! `tars dev`: the whole service in this process.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use tars_shared::connections::{Connections, Places, StorePlace};

use crate::logging;
use crate::service::Service;
use crate::signals::Signals;

/// Run the whole service in this process: API, workers and a database file
#[derive(Debug, clap::Args)]
pub(crate) struct Dev {
    /// Folder for the database; created where it does not exist
    #[arg(long, env = "TARS_DATA", default_value = "tars-data", value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    connections: Connections,
    #[command(flatten)]
    api: tars_api::Config,
    #[command(flatten)]
    worker: tars_worker::Config,
    #[command(flatten)]
    checks: tars_worker::config::Checks,
}

impl Dev {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let thresholds = self.checks.thresholds().map_err(anyhow::Error::msg)?;
        let places = self.connections.embedded_in(&self.data).map_err(anyhow::Error::msg)?;
        logging::start(logging::SERVICE);
        tokio::runtime::Runtime::new().context("cannot start the async runtime")?.block_on(async {
            let mut signals = Signals::listen()?;
            let service = Service::start(&places, &self.api, &self.worker, thresholds).await?;
            print_welcome(&service, &places);
            signals.next().await;
            eprintln!("stopping; Ctrl-C again ends at once (nothing is lost either way)");
            tokio::select! {
                stopped = service.stop() => stopped?,
                () = signals.next() => {}
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn print_welcome(service: &Service, places: &Places) {
    let url = service.url();
    match &places.store {
        StorePlace::Sqlite(file) => println!("T.A.R.S. is listening on {url}, its data is in {}", file.display()),
        StorePlace::Postgres(_) => println!("T.A.R.S. is listening on {url}, its data is in PostgreSQL"),
    }
    match service.unfinished() {
        0 => {}
        1 => println!("1 unfinished job of the last run goes on"),
        jobs => println!("{jobs} unfinished jobs of the last run go on"),
    }
    println!();
    println!("Evaluate a small policy (it pushes the cart the way the pole leans):");
    println!("  curl -s {url}/v1/evaluate -H 'Content-Type: application/json' -d '{EXAMPLE}'");
    println!("and follow the job with the path under links.self, or: tars jobs watch JOB_ID --server {url}");
    println!("Ctrl-C stops.");
}

/// A linear policy for CartPole, small enough for a command line.
const EXAMPLE: &str = r#"{"agent_type":"DQN","agent_state":{"format":"mlp-json","data":{"version":1,"head":"values","activation":"relu","layers":[{"weight":[[0,0,-1,-1],[0,0,1,1]],"bias":[0,0]}]}},"environments":["CartPole-v1"],"num_episodes":100}"#;
