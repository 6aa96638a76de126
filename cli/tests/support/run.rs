//! A run of `tars` to its end.

use std::process::{Command, Output, Stdio};

/// What a run of `tars` left behind.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs it to its end.
pub(crate) fn run(command: &mut Command) -> Run {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("tars starts");
    Run {
        code: status.code().expect("it exits by itself"),
        out: String::from_utf8(stdout).expect("it prints text"),
        err: String::from_utf8(stderr).expect("it prints text"),
    }
}

/// The command with these arguments, against the service at `server`, with this token; an empty one
/// is none.
pub(crate) fn command(server: &str, token: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tars"));
    command
        .args(arguments)
        .env("TARS_SERVER", server)
        .env("TARS_TOKEN", token)
        .stdin(Stdio::null());
    command
}
