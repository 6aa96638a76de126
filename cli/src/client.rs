//! The service, as the subcommands use it: which one it is, what it is shown, what a person can do
//! when it does not answer.

mod agent_file;
mod dead_letter;
mod hint;
mod job;
mod moment;
mod pause;
mod progress;
mod replay;
mod server;
mod token;
mod worker;

use std::process::ExitCode;

use anyhow::Context as _;

pub(crate) use agent_file::AgentFile;
pub(crate) use dead_letter::Letter;
pub(crate) use job::{Job, Receipt};
pub(crate) use moment::{ago, span};
pub(crate) use pause::{Pause, Pauses};
pub(crate) use progress::{Progress, ProgressBars};
pub(crate) use replay::Replay;
pub(crate) use server::{Connection, Server};
pub(crate) use worker::Worker;

/// Runs a subcommand that talks to the service.
pub(crate) fn run(
    command: impl Future<Output = anyhow::Result<ExitCode>>,
) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the async runtime")?
        .block_on(command)
        .map_err(hint::add)
}
