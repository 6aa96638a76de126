//! What operators do, run as they run it: the real binary against a real service.

#[expect(dead_code, reason = "each test file uses what it needs of it")]
#[path = "clients/bench.rs"]
mod bench;
#[path = "support/pseudo_terminal.rs"]
mod pseudo_terminal;
#[path = "support/run.rs"]
mod run;
#[path = "support/service.rs"]
mod service;
#[path = "clients/top.rs"]
mod top;

use std::time::{Duration, Instant};

use bench::{Bench, example, id};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(30);

fn submit(bench: &Bench) -> Value {
    let policy = example("cartpole-ppo.zip");
    bench.json(&["submit", &policy, "--agent", "PPO", "--episodes", "5"])
}

/// A job that is set aside: it may take a second until the worker has heard of the pause.
fn held(bench: &Bench) -> Value {
    let end = Instant::now() + LIMIT;
    while Instant::now() < end {
        let job = submit(bench);
        while bench.json(&["jobs", "show", id(&job)])["status"] != "completed" {
            if bench.json(&["pauses", "list"])["items"][0]["held"] == 1 {
                return job;
            }
        }
    }
    panic!("the pause holds nothing");
}

#[test]
fn a_pause_is_begun_seen_and_ended() {
    let bench = Bench::new();
    let none = bench.tars(&["pauses", "list"]);
    assert_eq!((none.code, &*none.out), (0, "Nothing is paused.\n"));
    let unclear = bench.tars(&["pauses", "begin", "--reason", "x"]);
    assert_eq!(unclear.code, 2, "{}", unclear.out);
    let begin = [
        "pauses",
        "begin",
        "--env",
        "CartPole-v1",
        "--reason",
        "a defect",
        "--for",
        "2h",
    ];
    let pause = bench.json(&begin);
    let job = held(&bench);
    let shown = bench.tars(&["jobs", "show", id(&job)]);
    assert!(
        shown.out.contains("environment CartPole-v1 is paused by")
            && shown.out.contains("a defect"),
        "{}",
        shown.out
    );
    let list = bench.tars(&["pauses", "list"]);
    assert!(list.out.contains("environment CartPole-v1"), "{}", list.out);

    let ended = bench.tars(&["pauses", "end", pause["id"].as_str().unwrap()]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let watched = bench.tars(&["jobs", "watch", id(&job)]);
    assert_eq!(watched.code, 0, "{}{}", watched.out, watched.err);
    let again = bench.tars(&["pauses", "end", pause["id"].as_str().unwrap()]);
    assert_eq!(again.code, 2, "{}", again.out);
}

#[test]
fn a_worker_is_drained_and_jobs_say_that_none_is_left() {
    let bench = Bench::new();
    let watched = bench.tars(&["jobs", "watch", id(&submit(&bench))]);
    assert_eq!(watched.code, 0, "{}{}", watched.out, watched.err);
    let workers = bench.json(&["workers", "list"]);
    let name = workers["items"][0]["name"].as_str().unwrap();
    let list = bench.tars(&["workers", "list"]);
    assert!(
        list.out.contains(name) && list.out.contains("working"),
        "{}",
        list.out
    );
    let unknown = bench.tars(&["workers", "drain", "nobody"]);
    assert_eq!(unknown.code, 2, "{}", unknown.out);
    let drained = bench.tars(&["workers", "drain", name, "--wait"]);
    assert_eq!(drained.code, 0, "{}", drained.err);
    assert!(drained.out.contains("has ended"), "{}", drained.out);
    let job = submit(&bench);
    let end = Instant::now() + LIMIT;
    loop {
        let job = bench.json(&["jobs", "show", id(&job)]);
        if job["waiting"]["code"] == "no_worker" {
            break;
        }
        // What the service knows of workers is a second old at most.
        assert!(Instant::now() < end, "{job}");
    }
    let gone = bench.tars(&["workers", "list", "--gone"]);
    assert!(
        gone.out.contains(name) && gone.out.contains("gone"),
        "{}",
        gone.out
    );
}

#[test]
fn many_jobs_are_shown_and_then_cancelled() {
    let bench = Bench::new();
    let begin = ["pauses", "begin", "--all", "--reason", "a sweep was wrong"];
    assert_eq!(bench.tars(&begin).code, 0);
    // Whatever the worker begins until it has heard of the pause has ended by then.
    let job = held_or_waiting(&bench);
    let cancel = |more: &[&str]| bench.tars(&[&["jobs", "cancel"], more].concat());
    let by_label = ["--label", "sweep=7", "--status", "queued"];
    let unclear = cancel(&by_label);
    assert!(
        unclear.code == 2 && unclear.err.contains("--yes"),
        "{}",
        unclear.err
    );
    assert_eq!(cancel(&["--all", "--label", "sweep=7", "--yes"]).code, 2);
    let would = cancel(&[&by_label[..], &["--dry-run"]].concat());
    assert!(
        would.out.starts_with("1 jobs would be cancelled"),
        "{}",
        would.out
    );
    assert!(would.out.contains(id(&job)), "{}", would.out);
    let done = cancel(&[&by_label[..], &["--yes"]].concat());
    assert!(
        done.out.starts_with("1 jobs are cancelled"),
        "{}{}",
        done.out,
        done.err
    );
    assert_eq!(
        bench.json(&["jobs", "show", id(&job)])["status"],
        "cancelled"
    );
}

/// A job with a label that does not begin, because everything is paused.
fn held_or_waiting(bench: &Bench) -> Value {
    let policy = example("cartpole-ppo.zip");
    let submit = [
        "submit",
        &policy,
        "--agent",
        "PPO",
        "--episodes",
        "5",
        "--label",
        "sweep=7",
    ];
    let end = Instant::now() + LIMIT;
    let mut completed = 0;
    while Instant::now() < end {
        let job = bench.json(&submit);
        let since = Instant::now();
        // Longer than a worker takes to hear of a pause, and than these jobs take by far.
        while since.elapsed() < Duration::from_secs(3) {
            if bench.json(&["jobs", "show", id(&job)])["status"] == "completed" {
                completed += 1;
                break;
            }
        }
        if bench.json(&["jobs", "show", id(&job)])["status"] == "queued" {
            return job;
        }
    }
    panic!("{completed} jobs were completed in spite of the pause");
}
