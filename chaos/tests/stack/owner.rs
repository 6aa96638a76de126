//! Nothing survives the owner of a stack, however it ends.

use crate::LIMIT;
use crate::traces::{has_segment, processes_of, segments_of};
use std::env;
use std::io::{BufRead, BufReader, Read, stdin};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tars_chaos::{Parts, Program, Stack, eventually};

/// What there was while the stack ran.
struct Traces {
    folder: PathBuf,
    segments: Vec<String>,
}

impl Traces {
    fn of(folder: &Path) -> Self {
        assert!(
            processes_of(folder).len() > 5,
            "a Postgres alone has more processes: otherwise this test sees nothing"
        );
        let segments = segments_of(folder);
        assert!(
            !segments.is_empty() && segments.iter().all(|id| has_segment(id)),
            "the segments are found: {segments:?}"
        );
        Self {
            folder: folder.to_owned(),
            segments,
        }
    }

    fn assert_gone(&self) {
        assert!(
            eventually(LIMIT, || processes_of(&self.folder).is_empty()),
            "{:?}",
            processes_of(&self.folder)
        );
        assert!(
            eventually(LIMIT, || !self.folder.exists()),
            "{} is left",
            self.folder.display()
        );
        assert!(
            self.segments.iter().all(|id| !has_segment(id)),
            "shared memory is left"
        );
    }
}

#[test]
fn dropping_a_stack_leaves_nothing() {
    let stack = Stack::start(&Parts::default().with_postgres().with_redis()).unwrap();
    let traces = Traces::of(stack.sandbox().path());
    drop(stack);
    traces.assert_gone();
}

#[test]
fn a_panic_leaves_nothing() {
    let mut traces = None;
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let stack = Stack::start(&Parts::default().with_postgres()).unwrap();
        traces = Some(Traces::of(stack.sandbox().path()));
        stack.postgres().freeze().unwrap();
        panic!("as a failed assertion does");
    }));
    assert!(panic.is_err());
    traces.unwrap().assert_gone();
}

#[test]
fn a_killed_owner_leaves_nothing() {
    const NAME: &str = "owner::a_killed_owner_leaves_nothing";
    const ROLE: &str = "TARS_CHAOS_TEST_OWNER";
    if env::var_os(ROLE).is_some() {
        own_until_killed();
        return;
    }
    let mut owner = Command::new(env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(ROLE, "yes")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let folder = lines
        .find_map(|line| line.unwrap().strip_prefix("folder ").map(PathBuf::from))
        .unwrap();
    let traces = Traces::of(&folder);

    owner.kill().unwrap();
    owner.wait().unwrap();
    traces.assert_gone();
}

fn own_until_killed() {
    let stack = Stack::start(&Parts::all()).unwrap();
    // A child in a session of its own, which a signal to the group would miss.
    let program =
        Program::new("stranger", "/bin/sh").args(["-c", "setsid sleep 600 & echo ready; wait"]);
    let stranger = program.start(stack.sandbox()).unwrap();
    assert!(eventually(LIMIT, || stranger.log_text().contains("ready")));
    stack.redis().freeze().unwrap();
    println!("\nfolder {}", stack.sandbox().path().display());
    stdin().read_to_end(&mut Vec::new()).unwrap();
}
