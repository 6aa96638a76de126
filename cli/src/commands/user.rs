//! `tars user`: people who log in.

mod add;
mod change;
mod list;

use std::process::ExitCode;

/// Add, list, disable and change the people who log in, directly in the database
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It needs no running service and no token. `tars token` makes secrets for programs."
)]
pub(crate) struct User {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Add a user
    Add(add::Add),
    /// All users by name
    List(list::List),
    /// Change what a user may do
    Role(change::SetRole),
    /// Let a user in no more, and end all of their sessions
    Disable(change::Disable),
    /// Let a disabled user in again
    Enable(change::Enable),
    /// Give a user a new password, and end all of their sessions
    Password(change::Password),
}

impl User {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.action {
            Action::Add(add) => add.run(),
            Action::List(list) => list.run(),
            Action::Role(role) => role.run(),
            Action::Disable(disable) => disable.run(),
            Action::Enable(enable) => enable.run(),
            Action::Password(password) => password.run(),
        }
    }
}
