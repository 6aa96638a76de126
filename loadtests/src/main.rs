//! `tars-load`: loads a running service, and holds it to thresholds and to a ledger.

mod arrivals;
mod backlog;
mod closed_loop;
mod connection;
mod drift;
mod driver;
mod figures;
mod job;
#[cfg(test)]
mod k6;
mod latency;
mod ledger;
mod load;
mod mix;
mod processes;
mod profile;
mod rate;
mod reconciliation;
mod recovery;
mod report;
mod run;
mod sample;
mod service;
mod session;
mod soak;
mod stack;
mod threshold;

use std::process::ExitCode;

use clap::Parser;

/// Load a T.A.R.S. service. The exit code is 1 when a threshold does not hold.
#[derive(Debug, Parser)]
#[command(version)]
enum Command {
    Run(run::Run),
    Soak(soak::Soak),
    Rate(rate::Rate),
    Submit(backlog::Submit),
    Ends(backlog::Ends),
    Stack(stack::StackCommand),
}

fn main() -> anyhow::Result<ExitCode> {
    let command = Command::parse();
    if let Command::Stack(command) = command {
        return command.run();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match command {
            Command::Run(command) => command.run().await,
            Command::Soak(command) => command.run().await,
            Command::Rate(command) => command.run().await,
            Command::Submit(command) => command.run().await,
            Command::Ends(command) => command.run().await,
            Command::Stack(command) => command.run(),
        }
    })
}
