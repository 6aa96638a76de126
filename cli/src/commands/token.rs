//! `tars token`: secrets for programs.

mod all;
mod change;
mod create;
mod list;

use std::process::ExitCode;

/// Make, list, renew and revoke the tokens of programs, directly in the database
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It needs no running service. The secret is the only line on standard output:\n  \
                        export TARS_TOKEN=$(tars token create ci --role developer)"
)]
pub(crate) struct Token {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make a token; its secret is printed once
    Create(create::Create),
    /// All tokens, the newest first
    List(list::List),
    /// Give a token a new secret; the old one is good for nothing from then on
    Rotate(change::Rotate),
    /// Revoke a token for good
    Revoke(change::Revoke),
}

impl Token {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.action {
            Action::Create(create) => create.run(),
            Action::List(list) => list.run(),
            Action::Rotate(rotate) => rotate.run(),
            Action::Revoke(revoke) => revoke.run(),
        }
    }
}
