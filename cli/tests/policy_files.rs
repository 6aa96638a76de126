//! Policy files and baselines as people have them, through the real binary: read rightly, asked
//! about, or refused; never another number. The files come from `engine/golden/saves.py`.

#[path = "evaluate/run.rs"]
mod run;

use std::fs;
use std::path::{Path, PathBuf};

use run::{Run, evaluate};
use serde_json::Value;

fn saves() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/golden/saves")
}

fn golden() -> serde_json::Map<String, Value> {
    let text = fs::read_to_string(saves().join("saves.json")).expect("it is in the repository");
    serde_json::from_str(&text).expect("it is an object")
}

/// The command's options for what has to be said beside a file.
fn options(entry: &Value) -> String {
    let options = entry["options"].as_object().expect("an object");
    let option = |(name, value): (&String, &Value)| match value {
        Value::String(text) => format!(" --{name} {text}"),
        _ => format!(" --{}", name.replace('_', "-")),
    };
    options.iter().map(option).collect()
}

fn twelve_episodes(path: &Path, entry: &Value, options: &str) -> Run {
    let environment = entry["env"].as_str().expect("an id");
    let arguments = format!("--env {environment} --episodes 12 --seed 5000 --json{options}");
    let statistics = entry["vec_normalize"]
        .as_str()
        .map(|name| saves().join(name));
    let mut files = vec![("--", path)];
    if let Some(statistics) = &statistics {
        files.insert(0, ("--vec-normalize", statistics));
    }
    evaluate(&arguments, &files)
}

#[test]
fn every_file_gives_the_librarys_mean_or_exit_2() {
    let mut readable = 0;
    for (name, entry) in golden() {
        if name == "baselines" {
            continue;
        }
        let path = saves().join(&name);
        let refused = entry["refused"] == true;
        if refused {
            let run = twelve_episodes(&path, &entry, "");
            assert_eq!(run.code, 2, "{name}: {}", run.stdout);
            assert!(run.stdout.is_empty(), "{name}");
        }
        let options = options(&entry);
        if refused && options.is_empty() {
            continue;
        }
        let run = twelve_episodes(&path, &entry, &options);
        assert_eq!(run.code, 0, "{name}: {}", run.stderr);
        let result = &run.json()[0];
        let (actual, expected) = (&result["metrics"]["mean_reward"], &entry["mean"]);
        let (actual, expected) = (actual.as_f64().unwrap(), expected.as_f64().unwrap());
        let error = (actual - expected).abs() / expected.abs();
        assert!(error < 1e-5, "{name}: {actual} instead of {expected}");
        let policy = &result["policy"];
        assert_eq!(policy["sha256"].as_str().map(str::len), Some(64), "{name}");
        for field in ["format", "architecture", "activation", "activation_source"] {
            assert!(!policy[field].is_null(), "{name} does not say {field}");
        }
        readable += 1;
    }
    assert!(readable > 95, "only {readable} files are read");
}

/// A folder with a policy that needs no statistics, and others beside it.
fn folder(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    fs::copy(
        saves().join("activation-elu.zip"),
        folder.path().join("agent.zip"),
    )
    .expect("the files can be laid out");
    for name in names {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it lies in the folder"))
            .expect("the files can be laid out");
        fs::copy(saves().join("sac-normalized.pkl"), path).expect("the files can be laid out");
    }
    folder
}

const TWO: &str = "--env CartPole-v1 --episodes 2";

#[test]
fn forgotten_statistics_are_warned_of_and_the_result_says_raw() {
    for name in [
        "vec_normalize.pkl",
        "agent/vecnormalize.pkl",
        "a_vecnormalize_9_steps.pkl",
    ] {
        let folder = folder(&[name]);
        let agent = folder.path().join("agent.zip");
        let run = evaluate(TWO, &[("--", &agent)]);
        assert_eq!(run.code, 0);
        assert!(run.stdout.contains("observations: raw"), "{}", run.stdout);
        let statistics = folder.path().join(name).display().to_string();
        assert!(run.stderr.contains("warning"), "{}", run.stderr);
        assert!(run.stderr.contains(&statistics), "{}", run.stderr);
        let against = evaluate(
            &format!("{TWO} {}", saves().join("activation-silu.zip").display()),
            &[("--against", &agent)],
        );
        assert!(against.stderr.contains(&statistics), "{}", against.stderr);
        let json = evaluate(&format!("{TWO} --json"), &[("--", &agent)]);
        let results: Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!(results[0]["policy"]["observations"], "raw");
        let warning = results[0]["warnings"][0].as_str().unwrap();
        assert!(warning.contains("--vec-normalize"), "{warning}");
    }
    let folder = folder(&["other/deep/vecnormalize.pkl", "notes.pkl"]);
    let run = evaluate(TWO, &[("--", &folder.path().join("agent.zip"))]);
    assert_eq!(run.stderr, "");
}

#[test]
fn a_name_finds_its_zip() {
    let folder = folder(&[]);
    let run = evaluate(TWO, &[("--", &folder.path().join("agent"))]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    evaluate(TWO, &[("--", &folder.path().join("absent"))])
        .assert_refused(&["cannot open", "absent"]);
}

#[test]
fn a_contradiction_between_file_and_option_is_refused() {
    let elu = saves().join("activation-elu.zip");
    evaluate(&format!("{TWO} --activation tanh"), &[("--", &elu)])
        .assert_refused(&["the file says that the activation is elu, not tanh"]);
    evaluate(&format!("{TWO} --activation swish"), &[("--", &elu)]).assert_refused(&["silu"]);
    evaluate(
        &format!("{TWO} --raw-observations --rescale-observations"),
        &[("--", &elu)],
    )
    .assert_refused(&["cannot be used with"]);
}

/// A save whose policy.pth is far beyond what a service takes: only the actor is unpacked.
#[test]
fn a_save_of_twenty_megabytes_is_read_without_its_critics() {
    let save = fs::read(saves().join("activation-elu.zip")).unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(save)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.zip");
    let mut writer = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for index in 0..archive.len() {
        writer
            .raw_copy_file(archive.by_index(index).unwrap())
            .unwrap();
    }
    writer.start_file("critic.optimizer.pth", stored).unwrap();
    std::io::Write::write_all(&mut writer, &vec![7; 20 << 20]).unwrap();
    writer.finish().unwrap();
    assert!(fs::metadata(&path).unwrap().len() > 20 << 20);
    let run = evaluate(TWO, &[("--", &path)]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn logs_of_stable_baselines_and_published_numbers_are_baselines() {
    let log = |name: &str| saves().join(name);
    let baseline = |name: &str, more: &str| {
        let arguments = format!("cartpole-ppo.zip --env CartPole-v1 --json {more}");
        let run = evaluate(&arguments, &[("--baseline", &log(name))]);
        assert!([0, 3].contains(&run.code), "{}", run.stderr);
        run.json()[0]["baseline"].clone()
    };
    let golden = &golden()["baselines"];
    let evaluations = &golden["evaluations.npz"];
    for (which, expected) in [
        ("best", &evaluations["best"]),
        ("last", &evaluations["last"]),
    ] {
        let found = baseline("evaluations.npz", &format!("--baseline-evaluation {which}"));
        assert_eq!(found["mean_reward"], expected["mean"], "{which}");
        assert_eq!(found["n"], expected["n"], "{which}");
        assert!(found["success_rate"].is_null());
        let source = found["source"].as_str().unwrap();
        assert!(
            source.contains(&expected["timestep"].to_string()),
            "{source}"
        );
    }
    assert_eq!(
        baseline("evaluations.npz", "")["mean_reward"],
        evaluations["best"]["mean"]
    );
    assert_eq!(baseline("monitor.csv", "")["n"], 39);

    let good = "cartpole-ppo.zip --env CartPole-v1";
    evaluate(
        &format!("{good} --baseline-evaluation 7"),
        &[("--baseline", &log("evaluations.npz"))],
    )
    .assert_refused(&["no evaluation at step 7", "256"]);
    evaluate(
        "mountaincar-dqn.zip --env MountainCar-v0",
        &[("--baseline", &log("monitor.csv"))],
    )
    .assert_refused(&["is of CartPole-v1, not of MountainCar-v0"]);

    let published = "--baseline-mean 499 --baseline-std 3 --baseline-n 100";
    let run = evaluate(&format!("{good} {published}"), &[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("unknown"), "{}", run.stdout);
    evaluate(&format!("{good} --baseline-mean 499"), &[]).assert_refused(&["--baseline-std"]);
}
