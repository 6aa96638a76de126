//! `tars workers drain`.

use std::process::ExitCode;
use std::time::Duration;

use crate::client::{Connection, Worker};
use crate::stdout;

/// How often it is looked whether the worker has ended.
const INTERVAL: Duration = Duration::from_millis(500);

/// Let a worker take nothing new, finish what it runs, and end as on SIGTERM
#[derive(Debug, clap::Args)]
pub(super) struct Drain {
    /// The worker's name, as `tars workers list` shows it
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
    /// Wait until it has ended
    #[arg(long)]
    wait: bool,
    /// Print the service's JSON
    #[arg(long)]
    json: bool,
}

/// What is no worker's name is no part of a path either.
fn name(text: &str) -> Result<String, &'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("no worker has such a name: see tars workers list")
    }
}

impl Drain {
    pub(super) async fn run(self, client: &Connection) -> anyhow::Result<ExitCode> {
        let path = format!("/v1/workers/{}/drain", self.name);
        let answer = client.post(&path).await?;
        let worker: Worker = answer.read()?;
        if self.json {
            stdout::print(&answer.json())?;
        } else {
            stdout::print(&format!(
                "worker {} takes nothing new, and ends when the {} it runs are done\n",
                worker.name, worker.busy
            ))?;
        }
        if self.wait {
            while self.is_there(client).await? {
                tokio::time::sleep(INTERVAL).await;
            }
            if !self.json {
                stdout::print(&format!("worker {} has ended\n", worker.name))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn is_there(&self, client: &Connection) -> anyhow::Result<bool> {
        let found = tars_client::pages(client, "/v1/workers", &(), None).await?;
        let workers: Vec<Worker> = found.read()?;
        // Another one of its name has begun, where it is draining no more.
        let same = |worker: &Worker| worker.name == self.name && worker.state == "draining";
        Ok(workers.iter().any(same))
    }
}
