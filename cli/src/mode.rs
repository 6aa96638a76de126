//! Whether people rely on this process, and what that asks of its secrets.

use crate::connections::Connections;
use anyhow::bail;
use tars_api::config::Secrets;
use tars_shared::mode::Mode;

/// A [`Mode`], as an option names it.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Choice {
    /// Secrets must be given, long, and none that manuals use as examples
    Production,
    /// Missing secrets are made up
    Development,
}

/// Whether people rely on this process.
#[derive(Debug, Clone, Copy, clap::Args)]
#[group(skip)]
pub(crate) struct ModeOption {
    /// What missing, short and example secrets lead to: in production nothing starts, in
    /// development they are made up or warned of [default: production, for `tars dev` development]
    #[arg(long, env = "EVAL_MODE", value_enum, value_name = "MODE")]
    mode: Option<Choice>,
}

impl ModeOption {
    /// The mode, unless none is chosen.
    pub(crate) fn or(self, default: Mode) -> Mode {
        match self.mode {
            None => default,
            Some(Choice::Production) => Mode::Production,
            Some(Choice::Development) => Mode::Development,
        }
    }
}

/// Refuses secrets that would keep nobody out, before anything is opened with them. Passwords of
/// databases and queues are only warned of in development: there they are rarely anybody's choice.
pub(crate) fn check(
    mode: Mode,
    connections: &Connections,
    secrets: Option<&Secrets>,
) -> anyhow::Result<()> {
    if let Some(secrets) = secrets {
        secrets.token_secret(mode).map_err(anyhow::Error::msg)?;
        secrets.first_password().map_err(anyhow::Error::msg)?;
    }
    match (connections.check_passwords(), mode) {
        (Ok(()), _) => {}
        (Err(complaint), Mode::Production) => bail!(complaint),
        (Err(complaint), Mode::Development) => tracing::warn!("{complaint}"),
    }
    Ok(())
}
