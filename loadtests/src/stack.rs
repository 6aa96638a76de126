//! `tars-load stack`: a private service for scripts, without workers. It lasts until its standard
//! input is closed.

use std::io::{BufRead as _, stdin};
use std::process::ExitCode;

use anyhow::bail;
use serde_json::{Map, Value, json};
use tars_chaos::{Fleet, Stack};

use crate::service::parts;

/// Start a private service without workers, print where everything is, as JSON, and answer
/// questions about it until standard input is closed
///
/// What is printed holds passwords: read it through a pipe. `EVAL_…` variables are passed on to the API,
/// limits among them. The questions are `broker`, for the broker's counters, and `sql STATEMENT`.
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
            let line = line?;
            let answer = match line.trim().split_once(' ') {
                Some(("sql", statement)) => stack.postgres().query(statement)?,
                None if line.trim() == "broker" => stack.rabbitmq().counters()?,
                _ => bail!("{line:?} is no question: broker, or sql STATEMENT"),
            };
            println!("{}", json!({"answer": answer}));
        }
        Ok(ExitCode::SUCCESS)
    }
}
