//! `tars worker`: takes jobs from the queue and evaluates them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;

use crate::connections::Connections;
use anyhow::Context as _;
use tars_api::Api;
use tars_shared::clock::System;
use tars_shared::mode::Mode;
use tars_shared::services::Services;
use tars_worker::Shutdown;
use tokio_util::sync::CancellationToken;

use crate::keeping::KeepingOptions;
use crate::logging;
use crate::mode::{self, ModeOption};
use crate::signals::Signals;
use crate::webhook_options::WebhookOptions;

/// Take jobs from the queue, evaluate them and record their results
///
/// Start and stop any number of them at will. SIGTERM drains: nothing new is taken, running jobs
/// finish within the grace period or are requeued; a second signal requeues them at once.
#[derive(Debug, clap::Args)]
pub(crate) struct Worker {
    #[command(flatten)]
    connections: Connections,
    #[command(flatten)]
    config: tars_worker::Config,
    #[command(flatten)]
    checks: tars_worker::config::Checks,
    #[command(flatten)]
    keeping: KeepingOptions,
    #[command(flatten)]
    webhooks: WebhookOptions,
    #[command(flatten)]
    mode: ModeOption,
    /// Port for /health, /livez, /readyz and /metrics; 0 takes any free one [default: none]
    #[arg(long, env = "EVAL_WORKER_PORT", value_name = "PORT")]
    port: Option<u16>,
    /// Address of that port; put it where only orchestrators and Prometheus reach it
    #[arg(long, env = "EVAL_WORKER_HOST", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "ADDRESS")]
    host: IpAddr,
}

impl Worker {
    pub(crate) fn run(mut self) -> anyhow::Result<ExitCode> {
        self.config.keeping = self.keeping.keeping();
        let thresholds = self.checks.thresholds().map_err(anyhow::Error::msg)?;
        let backends = self.connections.shared().map_err(anyhow::Error::msg)?;
        logging::start(logging::SERVICE);
        let mode = self.mode.or(Mode::Production);
        mode::check(mode, &self.connections, None)?;
        self.config.webhooks = self.webhooks.settings(mode)?;
        tokio::runtime::Runtime::new()
            .context("cannot start the async runtime")?
            .block_on(async {
                let mut signals = Signals::listen()?;
                let services = Services::open(&backends, Arc::new(System)).await?;
                let operations = CancellationToken::new();
                let serving = match self.port {
                    None => None,
                    Some(port) => {
                        let address = SocketAddr::new(self.host, port);
                        let server = Api::bind_operations(services.clone(), address).await?;
                        println!("health and metrics on http://{}", server.address());
                        Some(tokio::spawn(server.run(operations.clone())))
                    }
                };
                let shutdown = Shutdown::default();
                println!("T.A.R.S. worker {} takes jobs", std::process::id());
                let mut working = tokio::spawn(tars_worker::run(
                    services,
                    self.config,
                    thresholds,
                    shutdown.clone(),
                ));
                let mut asked = 0;
                loop {
                    tokio::select! {
                        worked = &mut working => {
                            worked.context("the worker broke down")?;
                            break;
                        }
                        () = signals.next() => asked += 1,
                    }
                    if asked == 1 {
                        tracing::info!("draining; a second signal hands running jobs back at once");
                        shutdown.drain.cancel();
                    } else {
                        shutdown.at_once();
                    }
                }
                operations.cancel();
                if let Some(serving) = serving {
                    serving.await.context("the operations server broke down")?;
                }
                Ok(ExitCode::SUCCESS)
            })
    }
}
