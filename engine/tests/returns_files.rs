//! Logs of Stable-Baselines3 give the numbers that NumPy computes from them. The files and the
//! numbers come from `golden/saves.py`.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tars_engine::returns_file::{self, Evaluation, Evaluations, Monitor};

fn bytes(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/saves");
    fs::read(folder.join(name)).expect("the fixture is in the repository")
}

fn golden(name: &str) -> Value {
    let all: Value = serde_json::from_slice(&bytes("saves.json")).expect("it is JSON");
    all["baselines"][name].clone()
}

fn assert_is(evaluation: &Evaluation, expected: &Value) {
    assert_eq!(evaluation.timestep, expected["timestep"]);
    let baseline = returns_file::baseline(&evaluation.returns);
    let near = |actual: f64, expected: &Value| {
        (actual - expected.as_f64().expect("a number")).abs() < 1e-9
    };
    assert!(
        near(baseline.mean_reward, &expected["mean"]),
        "{baseline:?}"
    );
    assert!(near(baseline.std_reward, &expected["std"]), "{baseline:?}");
    assert_eq!(baseline.n, expected["n"]);
    assert_eq!(baseline.success_rate, None);
    baseline.check().expect("it can be compared with");
}

#[test]
fn the_best_and_the_last_evaluation_are_those_of_the_callback() {
    let golden = golden("evaluations.npz");
    let evaluations = Evaluations::read(&bytes("evaluations.npz")).unwrap();
    assert_eq!(evaluations.count(), golden["evaluations"]);
    assert_is(evaluations.best().unwrap(), &golden["best"]);
    assert_is(evaluations.last().unwrap(), &golden["last"]);
    let step = golden["best"]["timestep"].as_u64().unwrap();
    assert_eq!(evaluations.at(step), evaluations.best());
    assert_eq!(evaluations.at(step + 1), None);
}

#[test]
fn a_monitor_gives_every_return_in_order_and_its_environment() {
    let golden = golden("monitor.csv");
    let monitor = Monitor::read(&bytes("monitor.csv")).unwrap();
    let returns: Vec<f64> = serde_json::from_value(golden["returns"].clone()).unwrap();
    assert_eq!(monitor.returns, returns);
    assert_eq!(monitor.environment.as_deref(), golden["env"].as_str());
}

#[test]
fn a_line_that_is_still_being_written_is_left_out() {
    let whole = Monitor::read(&bytes("monitor.csv")).unwrap();
    let mut cut = bytes("monitor.csv");
    cut.truncate(cut.len() - 2);
    assert_eq!(
        Monitor::read(&cut).unwrap().returns,
        whole.returns[..whole.returns.len() - 1]
    );
}

#[test]
fn damaged_logs_are_refused_by_what_is_wrong() {
    let npz = bytes("evaluations.npz");
    for end in (0..npz.len()).step_by(7) {
        assert!(Evaluations::read(&npz[..end]).is_err(), "cut off at {end}");
    }
    for (text, reason) in [
        ("", "does not begin with"),
        ("#{\n", "is not valid"),
        ("#{}\nx,l,t\n1,2,3\n", "without r"),
        ("#{}\nr,l,t\n", "no episodes"),
        ("#{}\nr,l,t\none,2,3\n", "line 3 has no return: \"one,2,3\""),
    ] {
        let message = Monitor::read(text.as_bytes()).unwrap_err().to_string();
        assert!(message.contains(reason), "{text:?}: {message}");
    }
}

#[test]
fn arrays_that_are_pickles_or_have_other_shapes_are_refused() {
    let npz = bytes("evaluations.npz");
    let changed = |from: &[u8], to: &[u8]| {
        let mut bytes = npz.clone();
        let found = bytes.windows(from.len()).position(|window| window == from);
        let place = found.expect("the bytes are there");
        bytes[place..place + to.len()].copy_from_slice(to);
        bytes
    };
    // The archive's checksums notice what is changed; what stands behind them is tried by fuzzing.
    assert!(Evaluations::read(&changed(b"\'<f8\'", b"\'|O8\'")).is_err());
    assert!(Evaluations::read(b"PK\x05\x06").is_err());
}
