//! Where log lines go: to standard error, readable in a terminal, JSON otherwise.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// What services log. Warp calls every connection that a shutdown cuts off an error; the drivers'
/// warnings come with the adapters' own words.
pub(crate) const SERVICE: &str = "info,sqlx=error,warp=off,lapin=off";

/// Starts logging. `RUST_LOG` chooses what; `default` is used without it.
pub(crate) fn start(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        builder.compact().with_target(false).init();
    } else {
        builder.json().flatten_event(true).init();
    }
}
