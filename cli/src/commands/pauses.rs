//! `tars pauses`: jobs that are not begun for a while.

mod begin;
mod list;

use std::process::ExitCode;

use uuid::Uuid;

use crate::client::{self, Connection, Server};
use crate::stdout;

/// Pause a priority, an environment, a submitter or everything, and resume them
#[derive(Debug, clap::Args)]
pub(crate) struct Pauses {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// The pauses in force
    List(list::List),
    Begin(begin::Begin),
    /// Resume what a pause holds
    End(End),
}

#[derive(Debug, clap::Args)]
struct End {
    /// The pause's full id
    #[arg(value_name = "PAUSE_ID")]
    id: Uuid,
    /// Print the service's JSON
    #[arg(long)]
    json: bool,
}

impl Pauses {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        client::run(async {
            let client = self.server.connect()?;
            match self.action {
                Action::List(list) => list.run(&client).await,
                Action::Begin(begin) => begin.run(&client).await,
                Action::End(end) => end.run(&client).await,
            }
        })
    }
}

impl End {
    async fn run(self, client: &Connection) -> anyhow::Result<ExitCode> {
        let answer = client.delete(&format!("/v1/pauses/{}", self.id)).await?;
        stdout::print(&if self.json {
            answer.json()
        } else {
            "it is over: what it held begins within seconds\n".to_owned()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
