//! `tars migrate`: brings the database's schema up to date.

use std::process::ExitCode;

use crate::connections::Connections;
use anyhow::{Context as _, bail};
use tars_shared::store::{Versions, migration};

use crate::logging;
use crate::stdout;

/// Bring the database's schema up to date
///
/// Run it before the API and workers of a new version start; those of the former version go on
/// meanwhile. Running it twice, or from several machines at once, is harmless.
#[derive(Debug, clap::Args)]
pub(crate) struct Migrate {
    #[command(flatten)]
    connections: Connections,
    /// Go up or down to this version instead; going down drops what later versions hold
    #[arg(long, value_name = "VERSION", conflicts_with = "status")]
    to: Option<u32>,
    /// Only say which version there is: exit code 0 when it is the newest, 1 when it is not
    #[arg(long)]
    status: bool,
}

impl Migrate {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let place = self.connections.store().map_err(anyhow::Error::msg)?;
        logging::start("error,sqlx=off");
        tokio::runtime::Runtime::new()
            .context("cannot start the async runtime")?
            .block_on(async {
                if self.status {
                    let Versions { applied, newest } = migration::versions(&place).await?;
                    stdout::print(&format!(
                        "the schema has version {applied}, the newest is {newest}\n"
                    ))?;
                    return Ok(if applied == newest {
                        ExitCode::SUCCESS
                    } else {
                        ExitCode::FAILURE
                    });
                }
                let target = self.to.map(i64::from);
                let Versions { applied, newest } = migration::versions(&place).await?;
                if target.is_some_and(|target| target > newest) {
                    bail!("--to: the newest version is {newest}");
                }
                migration::migrate(&place, target).await?;
                let now = migration::versions(&place).await?.applied;
                if now == applied {
                    stdout::print(&format!("the schema has version {now} already\n"))?;
                } else {
                    stdout::print(&format!(
                        "the schema went from version {applied} to {now}\n"
                    ))?;
                }
                Ok(ExitCode::SUCCESS)
            })
    }
}
