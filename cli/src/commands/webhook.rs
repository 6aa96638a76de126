//! `tars webhook`: signed messages that tell of ended jobs.

mod list;
mod verify;

use std::process::ExitCode;

use tars_shared::webhook::Secret;
use uuid::Uuid;

use self::verify::Verify;
use super::jobs::job_id;
use crate::client::{self, Server};
use crate::stdout;

/// Make secrets of webhooks, verify signatures, see what became of deliveries
#[derive(Debug, clap::Args)]
pub(crate) struct Webhook {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Print a fresh secret, for `EVAL_WEBHOOK_SECRET` and for receivers
    Secret,
    Verify(Verify),
    /// What became of the webhooks of a job
    List(List),
    /// Send a webhook again, under its id
    Redeliver(Redeliver),
}

#[derive(Debug, clap::Args)]
struct List {
    /// The job's full id
    #[arg(value_name = "JOB_ID", value_parser = job_id)]
    id: Uuid,
    /// Print the service's JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct Redeliver {
    /// The webhook's id, as `tars webhook list` shows it
    #[arg(value_name = "ID")]
    id: Uuid,
    #[command(flatten)]
    server: Server,
}

impl Webhook {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.action {
            Action::Secret => {
                let secret = Secret::generate().map_err(anyhow::Error::msg)?;
                stdout::print(&format!("{}\n", *secret))?;
                Ok(ExitCode::SUCCESS)
            }
            Action::Verify(verify) => verify.run(),
            Action::List(List { id, json, server }) => {
                client::run(async { list::run(&server.connect()?, id, json).await })
            }
            Action::Redeliver(Redeliver { id, server }) => client::run(async {
                let path = format!("/v1/webhooks/deliveries/{id}/redeliver");
                server.connect()?.post(&path).await?;
                stdout::print(&format!("webhook {id} is due now\n"))?;
                Ok(ExitCode::SUCCESS)
            }),
        }
    }
}
