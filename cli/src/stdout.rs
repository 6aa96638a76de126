//! Writes to standard output. A reader that has seen enough (`tars jobs list | head`) is no error.

use std::io::{self, ErrorKind, Write as _};

use anyhow::Context as _;

/// Writes this text.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}
