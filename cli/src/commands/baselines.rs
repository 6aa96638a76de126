//! `tars baselines`: what later jobs are compared with.

mod add;
pub(super) mod added;
mod list;
mod table;
mod top;

use std::process::ExitCode;

use super::jobs::promote::Promote;
use crate::client::{self, Server};

/// List, add and promote baselines: what jobs are compared with
#[derive(Debug, clap::Args)]
pub(crate) struct Baselines {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// All baselines, by agent type, environment and rank
    List(list::List),
    /// The best baselines of an agent type; jobs are compared with rank 1
    Top(top::Top),
    /// Add a baseline that was measured elsewhere
    Add(add::Add),
    /// Make a job's results baselines
    Promote(Promote),
}

impl Baselines {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        client::run(async {
            let client = self.server.connect()?;
            match self.action {
                Action::List(list) => list.run(&client).await,
                Action::Top(top) => top.run(&client).await,
                Action::Add(add) => add.run(&client).await,
                Action::Promote(promote) => promote.run(&client).await,
            }
        })
    }
}
