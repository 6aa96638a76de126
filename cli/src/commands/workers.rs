//! `tars workers`: who works on what, and who is to stop.

mod drain;
mod list;
pub(super) mod table;

use std::process::ExitCode;

use crate::client::{self, Server};

/// List workers, and drain one
#[derive(Debug, clap::Args)]
pub(crate) struct Workers {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Workers by name, with what they run
    List(list::List),
    Drain(drain::Drain),
}

impl Workers {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        client::run(async {
            let client = self.server.connect()?;
            match self.action {
                Action::List(list) => list.run(&client).await,
                Action::Drain(drain) => drain.run(&client).await,
            }
        })
    }
}
