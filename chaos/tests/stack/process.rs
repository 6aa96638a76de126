//! Programs that run beside the servers.

use crate::LIMIT;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::time::Duration;
use tars_chaos::{Error, Process, Program, Sandbox, eventually};

fn shell(sandbox: &Arc<Sandbox>, script: &str) -> Process {
    let program = Program::new("shell", "/bin/sh")
        .args(["-c", script])
        .env("WORD", "given");
    program.start(sandbox).unwrap()
}

fn ready(process: &Process) {
    assert!(
        eventually(LIMIT, || process.log_text().contains("ready")),
        "{}",
        process.log_text()
    );
}

#[test]
fn a_program_gets_its_environment_and_its_output_is_kept() {
    let sandbox = Arc::new(Sandbox::new().unwrap());
    let process = shell(&sandbox, "echo $WORD; echo twice >&2; exit 3");
    assert_eq!(process.wait(LIMIT).unwrap().code(), Some(3));
    assert_eq!(process.log_tail(), "given\ntwice");
    assert!(!process.is_running());
    assert!(matches!(process.freeze(), Err(Error::NotRunning { .. })));
    process
        .kill()
        .expect("to kill what has ended is no failure");
}

#[test]
fn terminate_asks_and_kill_does_not() {
    let sandbox = Arc::new(Sandbox::new().unwrap());
    let polite = shell(
        &sandbox,
        "trap 'echo bye; exit 0' TERM; echo ready; while :; do :; done",
    );
    ready(&polite);
    polite.terminate().unwrap();
    assert_eq!(polite.wait(LIMIT).unwrap().code(), Some(0));
    assert!(polite.log_tail().ends_with("bye"));

    // In a sandbox of its own, because the log of the other says ready already.
    let deaf = shell(
        &Arc::new(Sandbox::new().unwrap()),
        "trap '' TERM; echo ready; while :; do :; done",
    );
    ready(&deaf);
    deaf.terminate().unwrap();
    assert!(matches!(deaf.wait(Duration::ZERO), Err(Error::Late { .. })));
    deaf.kill().unwrap();
    assert_eq!(
        deaf.status().unwrap().and_then(|status| status.signal()),
        Some(9)
    );
}

#[test]
fn a_kill_reaches_children_in_sessions_of_their_own() {
    let sandbox = Arc::new(Sandbox::new().unwrap());
    let process = shell(&sandbox, "setsid sleep 600 & echo ready; wait");
    ready(&process);
    assert!(
        eventually(LIMIT, || crate::traces::processes_of(sandbox.path()).len()
            == 3),
        "shell, child, reaper"
    );
    process.kill().unwrap();
    assert_eq!(
        crate::traces::processes_of(sandbox.path()).len(),
        1,
        "only the reaper is left"
    );
}
