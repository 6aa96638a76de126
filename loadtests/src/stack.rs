//! `tars-load stack`: a private service for scripts, without workers. It lasts until its standard
//! input is closed.

use std::io::{BufRead as _, stdin};
use std::process::ExitCode;

use serde_json::{Map, Value, json};
use tars_chaos::{Fleet, Stack};

use crate::service::parts;

/// Start a private service without workers, print where everything is, as JSON, and answer
/// questions about it until standard input is closed
///
/// What is printed holds passwords: read it through a pipe. `EVAL_…` variables are passed on to the API,
/// limits among them. The one question is `broker`, answered with the broker's counters.
#[derive(Debug, clap::Args)]
pub(crate) struct StackCommand {}

impl StackCommand {
    #[expect(clippy::unused_self, reason = "all commands are run alike")]
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let fleet = Fleet::start_as_deployed(Stack::start(&parts())?)?;
        let stack = fleet.stack();
        stack
            .postgres()
            .query("CREATE EXTENSION pg_stat_statements")?;
        let environment: Map<String, Value> = stack
            .environment()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        let beside = stack.postgres().database()?;
        println!(
            "{}",
            json!({
                "server": format!("http://{}", fleet.address()),
                "token": fleet.token(),
                "environment": environment,
                "tars": tars_chaos::binary::tars()?,
                "folder": stack.sandbox().path(),
                "processes": {
                    "postgres": stack.postgres().pid()?,
                    "rabbitmq": stack.rabbitmq().pid()?,
                    "redis": stack.redis().pid()?,
                    "api": fleet.api().map(tars_chaos::Process::pid),
                },
                // On the same servers, and nobody else's.
                "peer": {"database": beside.url, "queue": stack.rabbitmq().vhost()?},
            })
        );
        for line in stdin().lock().lines() {
            if line?.trim() == "broker" {
                println!("{}", json!({"answer": stack.rabbitmq().counters()?}));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
