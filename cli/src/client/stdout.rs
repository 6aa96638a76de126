//! Writes to standard output. A reader that has seen enough (`tars jobs list | head`) is no error.

use std::io::{self, ErrorKind, Write as _};

/// Writes this text.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
