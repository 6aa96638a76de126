//! `tars api`: takes jobs over HTTP for workers elsewhere.

use std::process::ExitCode;
use std::sync::Arc;

use crate::connections::Connections;
use anyhow::Context as _;
use tars_api::Api as Server;
use tars_shared::clock::System;
use tars_shared::mode::Mode;
use tars_shared::services::Services;
use tokio_util::sync::CancellationToken;

use crate::keeping::KeepingOptions;
use crate::logging;
use crate::mode::{self, ModeOption};
use crate::signals::Signals;
use crate::webhook_options::WebhookOptions;

/// Take jobs over HTTP and put them on the queue; `tars worker` evaluates them
///
/// Any number of them may run side by side. SIGTERM lets the requests under way finish.
#[derive(Debug, clap::Args)]
pub(crate) struct Api {
    #[command(flatten)]
    connections: Connections,
    #[command(flatten)]
    config: tars_api::Config,
    #[command(flatten)]
    keeping: KeepingOptions,
    #[command(flatten)]
    webhooks: WebhookOptions,
    #[command(flatten)]
    mode: ModeOption,
}

impl Api {
    pub(crate) fn run(mut self) -> anyhow::Result<ExitCode> {
        self.config.keeping = self.keeping.keeping();
        let backends = self.connections.shared().map_err(anyhow::Error::msg)?;
        let mode = self.mode.or(Mode::Production);
        logging::start(logging::SERVICE);
        mode::check(mode, &self.connections, Some(&self.config.secrets))?;
        self.config.webhooks = self.webhooks.settings(mode)?;
        tokio::runtime::Runtime::new()
            .context("cannot start the async runtime")?
            .block_on(async {
                let mut signals = Signals::listen()?;
                let services = Services::open(&backends, Arc::new(System)).await?;
                let server = Server::bind(services, &self.config, mode).await?;
                println!("T.A.R.S. API is listening on http://{}", server.address());
                let shutdown = CancellationToken::new();
                let serving = tokio::spawn(server.run(shutdown.clone()));
                signals.next().await;
                shutdown.cancel();
                tokio::select! {
                    outcome = serving => outcome.context("the API broke down")?,
                    () = signals.next() => {}
                }
                Ok(ExitCode::SUCCESS)
            })
    }
}
