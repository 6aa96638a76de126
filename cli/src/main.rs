//! The `tars` command: the service and its tools in one binary.

mod bounded_file;
mod client;
mod commands;
mod connections;
mod data_folder;
mod embedded;
mod environment_id;
mod exit_code;
mod keeping;
mod logging;
mod mode;
mod policy_options;
mod policy_path;
mod render;
mod service_token;
mod signals;
mod stdout;
mod webhook_options;

use std::process::ExitCode;

use clap::Parser;

use crate::commands::Command;

/// T.A.R.S. evaluates reinforcement-learning agents and says whether they regressed.
#[derive(Debug, Parser)]
#[command(
    name = "tars",
    version,
    about,
    max_term_width = 110,
    disable_help_subcommand = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    Arguments::parse().command.run().unwrap_or_else(|error| {
        eprintln!("tars: {error:#}");
        ExitCode::from(exit_code::BAD_INPUT)
    })
}
