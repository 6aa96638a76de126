//! What can go wrong while a stack is started or broken.

use std::io;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

/// A failure to start or to break something. Those of a program carry the end of its log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program that a part needs is not on this machine.
    #[error(
        "{program} is not installed; on Debian it is in the package {package} (`make prerequisites` installs it)"
    )]
    Missing {
        /// The program that was looked for.
        program: String,
        /// The Debian package that has it.
        package: &'static str,
    },

    /// The `tars` binary has not been built.
    #[error(
        "there is no tars binary at {looked_at}: run `cargo build -p tars-cli`, or set TARS_BIN"
    )]
    Unbuilt {
        /// Where it was expected.
        looked_at: String,
    },

    /// The user as whom root runs a server does not exist.
    #[error(
        "there is no user {name}, as whom root would run the server; the server's package creates it"
    )]
    NoAccount {
        /// The user's name.
        name: &'static str,
    },

    /// The operating system refused something.
    #[error("{doing}: {source}")]
    Io {
        /// What was tried.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },

    /// A short-lived program did not succeed.
    #[error("{name} failed ({status}):\n{output}")]
    Failed {
        /// The program's name.
        name: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        output: String,
    },

    /// A server ended before it was ready.
    #[error("{name} ended while it was starting ({status}); the end of its log:\n{log}")]
    Ended {
        /// The server's name.
        name: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of its log.
        log: String,
    },

    /// Something did not happen in time.
    #[error("{name}: {awaited} not within {limit:?}; the end of its log:\n{log}")]
    Late {
        /// The name of the process.
        name: String,
        /// What was waited for, and what was seen instead.
        awaited: String,
        /// How long was waited.
        limit: Duration,
        /// The end of its log.
        log: String,
    },

    /// A server answers, but it is not the one that was started.
    #[error("another server answers in the place of {name}: {why}")]
    Foreign {
        /// The name of the server that was started.
        name: String,
        /// How the other one gave itself away.
        why: String,
    },

    /// The process is not running, so that it cannot be frozen or asked anything.
    #[error("{name} is not running")]
    NotRunning {
        /// The name of the process.
        name: String,
    },

    /// The part is running, so that it cannot be started.
    #[error("{name} is running already")]
    Running {
        /// The part's name.
        name: String,
    },

    /// Every virtual host, database number or port has been handed out.
    #[error("no {what} is left")]
    Exhausted {
        /// What has run out.
        what: &'static str,
    },

    /// An address given from outside cannot be used.
    #[error("{url:?} is not a usable URL: {why}")]
    Url {
        /// The address, without its password.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl Error {
    /// Whether another attempt on another port may succeed.
    pub(crate) fn may_be_a_taken_port(&self) -> bool {
        matches!(self, Self::Ended { .. } | Self::Foreign { .. })
    }
}

/// Says what was tried when the operating system refused it.
pub(crate) fn doing(what: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
    |source| Error::Io {
        doing: what.into(),
        source,
    }
}

/// Says which path it was about.
pub(crate) fn with(what: &str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    doing(format!("{what} {}", path.display()))
}
