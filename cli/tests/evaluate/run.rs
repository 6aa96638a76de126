//! Runs the real binary and keeps what it said.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What one run of `tars evaluate` left behind.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// The environments of `--json`.
    pub(crate) fn json(&self) -> Vec<Value> {
        assert_eq!(self.stderr, "");
        serde_json::from_str(&self.stdout).expect("--json writes a JSON array")
    }

    /// Fails unless the input was refused with all of these words and without any result.
    #[track_caller]
    pub(crate) fn assert_refused(&self, words: &[&str]) {
        assert_eq!(self.code, 2, "{}", self.stderr);
        assert_eq!(self.stdout, "");
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in {}", self.stderr);
        }
    }
}

/// `tars evaluate` with these arguments, which are separated by spaces, and then these files.
pub(crate) fn evaluate(arguments: &str, files: &[(&str, &Path)]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tars"));
    command.arg("evaluate").args(arguments.split_whitespace());
    for (option, path) in files {
        command.arg(option).arg(path);
    }
    command.current_dir(policies());
    let output = command.output().expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("it writes text");
    Run {
        code: output.status.code().expect("it ends by itself"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// The trained policies: tests name them without a folder.
pub(crate) fn policies() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/policies")
}
