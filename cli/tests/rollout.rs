//! `tars rollout` from the outside: the real binary, against what Gymnasium recorded.

#[path = "rollout/recording.rs"]
mod recording;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

fn tars(environment: &str, seed: u64, actions: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tars"));
    let seed = seed.to_string();
    command.args([
        "rollout",
        "--env",
        environment,
        "--seed",
        &seed,
        "--actions",
        actions,
    ]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs one episode with these lines as its actions file.
fn replay(environment: &str, seed: u64, lines: &str) -> Output {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    file.write_all(lines.as_bytes())
        .expect("a temporary file can be written");
    tars(
        environment,
        seed,
        file.path().to_str().expect("its path is text"),
    )
    .output()
    .expect("the binary starts")
}

fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).expect("it writes text");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect()
}

fn errors(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("it writes text")
}

#[test]
fn episodes_are_gymnasiums_number_for_number() {
    for environment in [
        "Acrobot-v1",
        "CartPole-v1",
        "MountainCar-v0",
        "MountainCarContinuous-v0",
        "Pendulum-v1",
    ] {
        for episode in recording::read(environment) {
            let place = format!("{environment} seed {}", episode.seed);
            let actions: Vec<String> = episode.actions.iter().map(Value::to_string).collect();
            let output = replay(environment, episode.seed, &actions.join("\n"));
            assert_eq!(
                output.status.code(),
                Some(0),
                "{place}: {}",
                errors(&output)
            );
            assert_eq!(errors(&output), "", "{place}");
            let lines = lines(&output);
            assert_eq!(lines.len(), 1 + episode.steps.len(), "{place}");
            assert_eq!(lines[0], episode.first, "{place}: reset");
            for (step, (ours, theirs)) in lines[1..].iter().zip(&episode.steps).enumerate() {
                assert_eq!(ours, theirs, "{place}: step {step}");
            }
        }
    }
}

#[test]
fn box_actions_are_numbers_or_arrays_and_may_lie_outside_the_bounds() {
    let plain = replay("Pendulum-v1", 7, "9.5\n-3\n0.1\n");
    let arrays = replay("Pendulum-v1", 7, "[2]\n\n[-2.0]\n [0.1] \n");
    assert_eq!(lines(&plain).len(), 4);
    assert_eq!(lines(&plain), lines(&arrays));
}

#[test]
fn each_line_is_answered_before_the_next_one_is_written() {
    let mut child = tars("CartPole-v1", 3, "-").spawn().unwrap();
    let mut actions = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut answer =
        || -> Value { serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap() };
    assert_eq!(answer()["obs"].as_array().unwrap().len(), 4);
    let mut steps = 0;
    loop {
        actions.write_all(b"1\n").unwrap();
        steps += 1;
        if answer()["terminated"] == true {
            break;
        }
    }
    assert!(
        (8..=12).contains(&steps),
        "a cart that is only pushed to one side fell after {steps} steps"
    );
    // The pipe is still open: the end of the episode is the end of the process.
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn actions_that_are_left_over_are_named() {
    let output = replay("CartPole-v1", 3, &"1\n".repeat(40));
    assert_eq!(output.status.code(), Some(0));
    let steps = lines(&output).len() - 1;
    assert_eq!(lines(&output)[steps]["terminated"], true);
    let said = format!(
        "the episode terminated in step {steps}: the actions from {{FILE}}: line {} on were not taken\n",
        steps + 1
    );
    let (before, after) = said.split_once("{FILE}").unwrap();
    assert!(errors(&output).contains(before), "{}", errors(&output));
    assert!(errors(&output).ends_with(after), "{}", errors(&output));
}

#[test]
fn bad_lines_are_named_with_what_is_expected() {
    for (environment, lines, complaint) in [
        (
            "CartPole-v1",
            "0\n1\n5\n",
            "line 3: action 5 is not a whole number in 0..2",
        ),
        (
            "CartPole-v1",
            "\n-1\n",
            "line 2: action -1 is not a whole number in 0..2",
        ),
        ("CartPole-v1", "0.5\n", "line 1: action 0.5 is not"),
        ("CartPole-v1", "[0]\n", "line 1: action [0] is not"),
        (
            "Acrobot-v1",
            "4294967296\n",
            "line 1: action 4294967296 is not a whole number in 0..3",
        ),
        ("CartPole-v1", "left\n", "line 1: not JSON"),
        ("CartPole-v1", "0 1\n", "line 1: not JSON"),
        (
            "Pendulum-v1",
            "1\n[1, 2]\n",
            "line 2: action [1,2] is not a number, or an array of one",
        ),
        ("Pendulum-v1", "[]\n", "line 1: action [] is not"),
        (
            "Pendulum-v1",
            "1e39\n",
            "line 1: action 1e+39 is not a number, or an array of one, that fits a 32-bit float",
        ),
        ("Pendulum-v1", "NaN\n", "line 1: not JSON"),
        ("Pendulum-v1", "\"1\"\n", "line 1: action \"1\" is not"),
        ("Pendulum-v1", "[[1]]\n", "line 1: action [[1]] is not"),
    ] {
        let output = replay(environment, 0, lines);
        assert_eq!(output.status.code(), Some(2), "{lines:?}");
        assert!(
            errors(&output).contains(complaint),
            "{lines:?}: {}",
            errors(&output)
        );
        let good = lines.lines().filter(|line| !line.is_empty()).count();
        assert_eq!(
            output.stdout.split(|&byte| byte == b'\n').count() - 1,
            good,
            "{lines:?}: the steps before"
        );
    }
}

#[test]
fn an_endless_line_is_refused() {
    let output = replay("CartPole-v1", 0, &"1".repeat(1 << 20));
    assert_eq!(output.status.code(), Some(2));
    assert!(
        errors(&output).contains("line 1: longer than 65536 bytes"),
        "{}",
        errors(&output)
    );
}

#[test]
fn an_unknown_environment_names_the_known_ones() {
    let output = replay("CartPole-v0", 0, "");
    assert_eq!(output.status.code(), Some(2));
    for id in ["CartPole-v1", "Acrobot-v1", "Pendulum-v1"] {
        assert!(errors(&output).contains(id), "{}", errors(&output));
    }
}

#[test]
fn a_missing_file_is_named() {
    let output = tars("CartPole-v1", 0, "no-such-file.jsonl")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        errors(&output).contains("cannot open no-such-file.jsonl"),
        "{}",
        errors(&output)
    );
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let mut child: Child = tars("Pendulum-v1", 0, "-").spawn().unwrap();
    drop(child.stdout.take());
    // The write may find the process gone already, which is what is wanted.
    let _ = child
        .stdin
        .take()
        .unwrap()
        .write_all("0\n".repeat(100).as_bytes());
    let mut errors = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut errors)
        .unwrap();
    assert_eq!(errors, "");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
