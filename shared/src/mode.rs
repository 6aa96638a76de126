//! Whether a process serves people who rely on it.

/// Whether a process serves people who rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Secrets must be given, long, and none that manuals use as examples.
    Production,
    /// Missing secrets are made up.
    Development,
}
