//! `tars dev`: the whole service in this process.

mod first_start;
mod secret_file;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::connections::Connections;
use anyhow::Context as _;
use tars_shared::backends::Backends;
use tars_shared::mode::Mode;
use tars_shared::store::backend::StoreBackend;

use self::first_start::Credentials;
use super::accounts;
use crate::embedded::{Bound, EmbeddedService};
use crate::keeping::KeepingOptions;
use crate::logging;
use crate::mode::{self, ModeOption};
use crate::signals::Signals;
use crate::stdout;
use crate::webhook_options::WebhookOptions;

/// Run the whole service in this process: API, workers and a database file
#[derive(Debug, clap::Args)]
pub(crate) struct Dev {
    /// Folder for the database and the secret that tokens are signed with; created where it does
    /// not exist
    #[arg(long, env = "TARS_DATA", default_value = accounts::DATA, value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    connections: Connections,
    #[command(flatten)]
    api: tars_api::Config,
    #[command(flatten)]
    keeping: KeepingOptions,
    #[command(flatten)]
    webhooks: WebhookOptions,
    #[command(flatten)]
    mode: ModeOption,
    #[command(flatten)]
    worker: tars_worker::Config,
    #[command(flatten)]
    checks: tars_worker::config::Checks,
}

impl Dev {
    pub(crate) fn run(mut self) -> anyhow::Result<ExitCode> {
        self.api.keeping = self.keeping.keeping();
        self.worker.keeping = self.api.keeping;
        let thresholds = self.checks.thresholds().map_err(anyhow::Error::msg)?;
        let backends = self
            .connections
            .embedded_in(&self.data)
            .map_err(anyhow::Error::msg)?;
        let mode = self.mode.or(Mode::Development);
        logging::start(logging::SERVICE);
        mode::check(mode, &self.connections, Some(&self.api.secrets))?;
        let mut webhooks = self.webhooks.settings(mode)?;
        tokio::runtime::Runtime::new()
            .context("cannot start the async runtime")?
            .block_on(async {
                let mut signals = Signals::listen()?;
                let mut secrets = self.api.secrets.clone();
                if mode == Mode::Development {
                    let given = secrets
                        .jwt_secret_key
                        .take()
                        .filter(|given| !given.trim().is_empty());
                    // Whoever gives one secret gives them all: then nothing is made up.
                    if given.is_none() && webhooks.secrets.is_none() {
                        let kept = secret_file::WEBHOOKS.keep(&self.data)?;
                        webhooks.secrets = Some(kept.parse().with_context(|| {
                            secret_file::WEBHOOKS.path(&self.data).display().to_string()
                        })?);
                    }
                    let kept = given.map_or_else(
                        || {
                            secret_file::TOKENS
                                .keep(&self.data)
                                .map(|kept| kept.to_string())
                        },
                        Ok,
                    )?;
                    self.api.secrets.jwt_secret_key = Some(kept);
                    // The first administrator is added below, with a token beside.
                    self.api.secrets.admin_password = None;
                }
                self.api.webhooks = webhooks.clone();
                self.worker.webhooks = webhooks;
                let bound = Bound::new(&backends, &self.api, mode).await?;
                // In production nothing is made up, and no secret is printed: standard output ends
                // in somebody's log there.
                let first = match mode {
                    Mode::Development => first_start::prepare(bound.services(), &secrets).await?,
                    Mode::Production => None,
                };
                let service = bound.serve(&self.worker, thresholds);
                stdout::print(&welcome(&service, &backends, &self.data, first.as_ref()))?;
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

fn welcome(
    service: &EmbeddedService,
    backends: &Backends,
    data: &Path,
    first: Option<&Credentials>,
) -> String {
    let url = service.url();
    let (place, data) = match &backends.store {
        StoreBackend::Sqlite(file) => (
            file.display().to_string(),
            accounts::data_option(file, data),
        ),
        // Whoever started it has the variable that names the database.
        StoreBackend::Postgres(_) => ("PostgreSQL".to_owned(), String::new()),
    };
    let unfinished = match service.unfinished() {
        0 => String::new(),
        1 => "1 unfinished job of the last run goes on\n".to_owned(),
        jobs => format!("{jobs} unfinished jobs of the last run go on\n"),
    };
    let token = first.map_or_else(
        || {
            format!(
                "Get a token, unless you have one: export TARS_TOKEN=$(tars token create NAME --role developer{data})\n"
            )
        },
        |credentials| credentials.text(&data),
    );
    format!(
        "T.A.R.S. is listening on {url}, its data is in {place}\n{unfinished}\n{token}\n\
         Evaluate a small policy (it pushes the cart the way the pole leans):\n  \
         curl -s {url}/v1/evaluate -H \"Authorization: Bearer $TARS_TOKEN\" -H 'Content-Type: application/json' \
         -d '{EXAMPLE}'\n\
         and follow the job with the path under links.self, or: tars jobs watch JOB_ID --server {url}\nCtrl-C stops.\n"
    )
}

/// A linear policy for CartPole, small enough for a command line.
const EXAMPLE: &str = r#"{"agent_type":"DQN","agent_state":{"format":"mlp-json","data":{"version":1,"head":"values","activation":"relu","layers":[{"weight":[[0,0,-1,-1],[0,0,1,1]],"bias":[0,0]}]}},"environments":["CartPole-v1"],"num_episodes":100}"#;
