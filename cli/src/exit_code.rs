//! Exit codes that are no verdict.

/// The exit code for bad input, as clap uses it too.
pub(crate) const BAD_INPUT: u8 = 2;

/// The exit code after Ctrl-C, as shells give it.
pub(crate) const INTERRUPTED: u8 = 130;
