//! `tars keys`: what signs the tokens of people who log in.

mod cleanup;
mod list;
mod rotate;

use std::process::ExitCode;

/// List, rotate and clean up the keys that sign access and refresh tokens, directly in the database
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It needs no running service. Service tokens are not signed: none of this concerns them."
)]
pub(crate) struct Keys {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// All keys, the newest first
    List(list::List),
    /// Sign with a new key from now on
    Rotate(rotate::Rotate),
    /// Remove expired keys and sessions that are over; to be run now and then
    Cleanup(cleanup::Cleanup),
}

impl Keys {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.action {
            Action::List(list) => list.run(),
            Action::Rotate(rotate) => rotate.run(),
            Action::Cleanup(cleanup) => cleanup.run(),
        }
    }
}
