//! `tars evaluate` from the outside: the real binary on policies that Stable-Baselines3 trained.

#[path = "evaluate/run.rs"]
mod run;

use std::path::Path;

use run::{evaluate, policies};
use serde_json::{Value, json};

const GOOD: &str = "cartpole-ppo.zip --env CartPole-v1";
const WORSE: &str = "cartpole-ppo-regressed.zip --env CartPole-v1";

/// A file with this content; it lives as long as the value.
fn file(content: impl AsRef<[u8]>) -> tempfile::TempPath {
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(file.path(), content).expect("a temporary file can be written");
    file.into_temp_path()
}

#[test]
fn returns_are_stable_baselines() {
    let text = std::fs::read_to_string(policies().join("measured.json")).unwrap();
    let measured: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap();
    assert!(measured.len() >= 8);
    for (name, measured) in &measured {
        let text = |field: &str| measured[field].as_str().unwrap();
        let arguments = format!("{} --env {} --json", text("file"), text("environment"));
        let normalizer = measured["normalizer"].as_str().map(Path::new);
        let files: Vec<_> = normalizer
            .into_iter()
            .map(|path| ("--vec-normalize", path))
            .collect();
        let run = evaluate(&arguments, &files);
        assert_eq!(run.code, 0, "{name}: {}", run.stderr);
        let result = &run.json()[0];
        let episodes = result["episodes"].as_array().unwrap();
        assert_eq!(episodes.len(), 100);
        for (index, episode) in episodes.iter().enumerate() {
            assert_eq!(episode["seed"], index, "{name}");
            assert_eq!(
                episode["steps"], measured["steps"][index],
                "{name} seed {index}"
            );
            let difference = episode["total_reward"].as_f64().unwrap()
                - measured["returns"][index].as_f64().unwrap();
            assert!(
                difference.abs() < 0.01,
                "{name} seed {index}: off by {difference}"
            );
        }
    }
}

#[test]
fn json_holds_an_object_per_environment() {
    let run = evaluate(&format!("{GOOD} --json --episodes 3 --seed 7"), &[]);
    assert_eq!(run.code, 0);
    let results = run.json();
    assert_eq!(results.len(), 1);
    let result = &results[0];
    assert_eq!(result["environment"], "CartPole-v1");
    assert_eq!(result["metrics"]["mean_reward"], 500.0);
    assert_eq!(
        result["metrics"]["mean_reward_ci95"],
        json!({ "low": 500.0, "high": 500.0 })
    );
    for absent in ["regression", "baseline", "baseline_id"] {
        assert_eq!(result.get(absent), Some(&Value::Null), "{absent}");
    }
    let last = json!({ "episode_num": 2, "seed": 9, "total_reward": 500.0, "steps": 500, "success": true });
    assert_eq!(result["episodes"][2], last);
}

#[test]
fn threads_do_not_show() {
    for policy in [
        "pendulum-ddpg.zip --env Pendulum-v1",
        WORSE,
        "cartpole-ppo-regressed.zip --env CartPole-v1 --stochastic",
    ] {
        let run = |threads| evaluate(&format!("{policy} --json --threads {threads}"), &[]).stdout;
        let alone = run(1);
        assert!(!alone.is_empty());
        for threads in [2, 7, 1000] {
            assert!(run(threads) == alone, "{policy} with {threads} threads");
        }
    }
}

#[test]
fn a_regressed_policy_fails() {
    let run = evaluate(&format!("{WORSE} --against cartpole-ppo.zip --json"), &[]);
    assert_eq!(run.code, 1);
    let result = &run.json()[0];
    assert_eq!(result["regression"]["verdict"], "regression");
    assert_eq!(result["regression"]["detected"], true);
    let baseline = json!({
        "source": "cartpole-ppo.zip", "mean_reward": 500.0, "std_reward": 0.0, "success_rate": 1.0, "n": 100,
    });
    assert_eq!(result["baseline"], baseline);
}

#[test]
fn a_verdict_that_is_safe_ends_the_evaluation_and_makes_no_baseline() {
    let run = |arguments: &str| {
        evaluate(
            &format!("{arguments} --against cartpole-ppo.zip --stop when_decided --json"),
            &[],
        )
    };
    for (arguments, code, test) in [(WORSE, 1, "betting"), (GOOD, 0, "betting")] {
        let stopped = run(arguments);
        assert_eq!(stopped.code, code, "{}", stopped.stderr);
        let alone = run(&format!("{arguments} --threads 1"));
        assert_eq!(stopped.stdout, alone.stdout, "threads do not show");
        let result = &stopped.json()[0];
        assert_eq!(result["stopped_early"], true);
        let comparison = &result["regression"]["comparison"];
        assert_eq!(comparison["test"], test);
        let used = result["episodes"].as_array().unwrap().len();
        assert!(used < 50, "{used}");
        assert_eq!(comparison["sequential"]["episodes_used"], used);
        assert_eq!(comparison["sequential"]["episodes_planned"], 100);
        let saved = file(stopped.stdout);
        evaluate(GOOD, &[("--baseline", &saved)]).assert_refused(&["stopped early"]);
    }
    evaluate(&format!("{GOOD} --stop when_decided"), &[]).assert_refused(&["--against"]);
}

#[test]
fn a_policy_passes_against_itself_and_against_a_worse_one() {
    for arguments in [
        format!("{GOOD} --against cartpole-ppo.zip"),
        format!("{GOOD} --against cartpole-ppo-regressed.zip"),
        "pendulum-ddpg.zip --env Pendulum-v1 --against pendulum-ddpg.zip".into(),
    ] {
        assert_eq!(evaluate(&arguments, &[]).code, 0, "{arguments}");
    }
}

#[test]
fn thresholds_decide_what_counts() {
    let run = evaluate(
        &format!("{WORSE} --against cartpole-ppo.zip --reward-drop-pct 2"),
        &[],
    );
    run.assert_refused(&["EVAL_REWARD_DROP_PCT"]);
    let lenient = "--reward-drop-pct 0.9 --failure-rate 0.9 --variance-multiplier 1000";
    let run = evaluate(
        &format!("{WORSE} --against cartpole-ppo.zip {lenient}"),
        &[],
    );
    assert_eq!(run.code, 0, "{}", run.stdout);
}

#[test]
fn too_little_evidence_is_inconclusive() {
    let baseline =
        file(r#"{ "mean_reward": -141.9, "std_reward": 81.8, "success_rate": 0.76, "n": 4 }"#);
    let run = evaluate(
        "pendulum-ddpg.zip --env Pendulum-v1 --episodes 4",
        &[("--baseline", &baseline)],
    );
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("? inconclusive"), "{}", run.stdout);
    assert!(
        run.stdout.contains("hint: try --episodes "),
        "{}",
        run.stdout
    );
}

#[test]
fn its_own_json_is_a_baseline_that_pairs_by_seed() {
    let saved = file(evaluate("pendulum-ddpg.zip --env Pendulum-v1 --json", &[]).stdout);
    let arguments = "pendulum-ppo-normalized.zip --vec-normalize pendulum-ppo-normalized.pkl --env Pendulum-v1 --json";
    let from_file = evaluate(arguments, &[("--baseline", &saved)]);
    let from_policy = evaluate(&format!("{arguments} --against pendulum-ddpg.zip"), &[]);
    assert_eq!(from_file.code, from_policy.code);
    let (from_file, from_policy) = (from_file.json(), from_policy.json());
    assert_eq!(from_file[0]["regression"]["comparison"]["test"], "paired_t");
    assert_eq!(from_file[0]["regression"], from_policy[0]["regression"]);
    assert_eq!(from_file[0]["episodes"], from_policy[0]["episodes"]);
}

#[test]
fn a_baseline_on_other_seeds_is_hinted_at() {
    let saved = file(
        evaluate(
            "pendulum-ddpg.zip --env Pendulum-v1 --seed 1000 --episodes 20 --json",
            &[],
        )
        .stdout,
    );
    let run = evaluate(
        "pendulum-ddpg.zip --env Pendulum-v1 --episodes 20",
        &[("--baseline", &saved)],
    );
    assert_eq!(run.code, 3, "{}", run.stdout);
    assert!(
        run.stdout.contains("--seed 1000 --episodes 20"),
        "{}",
        run.stdout
    );
}

#[test]
fn of_the_services_baselines_the_best_of_the_environment_and_algorithm_counts() {
    let baseline = |environment: &str, agent: &str, mean: f64, id: u128| {
        json!({
            "id": format!("{:08x}-0000-7000-8000-000000000000", id), "agent_type": agent, "environment": environment,
            "version": 1, "rank": 1, "mean_reward": mean, "std_reward": 0.0, "success_rate": 1.0, "n": 100,
        })
    };
    let baselines = json!({ "items": [
        baseline("Pendulum-v1", "PPO", 900.0, 1),
        baseline("CartPole-v1", "PPO", 300.0, 2),
        baseline("CartPole-v1", "PPO", 400.0, 3),
        baseline("CartPole-v1", "DQN", 500.0, 4),
    ]});
    let saved = file(baselines.to_string());
    let chosen = |arguments: &str| {
        let run = evaluate(
            &format!("{GOOD} --json {arguments}"),
            &[("--baseline", &saved)],
        );
        assert_eq!(run.code, 0, "{}", run.stderr);
        run.json()[0]["baseline_id"].as_str().unwrap()[..8].to_owned()
    };
    assert_eq!(chosen(""), "00000004");
    assert_eq!(chosen("--agent ppo"), "00000003");
    let acrobot = "mountaincar-dqn.zip --env MountainCar-v0 --agent DQN";
    evaluate(acrobot, &[("--baseline", &saved)]).assert_refused(&[
        "has no baseline of MountainCar-v0 for DQN",
        "CartPole-v1, Pendulum-v1",
    ]);
}

#[test]
fn baselines_that_cannot_be_used_are_refused_by_name() {
    for (content, words) in [
        ("not json", &["is not JSON"][..]),
        ("7", &["should hold a baseline"]),
        (
            "[]",
            &[
                "has no baseline of CartPole-v1",
                "tars evaluate POLICY --env CartPole-v1 --json",
            ],
        ),
        (r#"{"items": 3}"#, &["items or results should be an array"]),
        (
            r#"[{"environment": "CartPole-v1", "mean_reward": 1}]"#,
            &["baseline 1 (CartPole-v1)", "missing field"],
        ),
        (
            r#"{"environment": "CartPole-v1", "mean_reward": 1, "std_reward": -1, "success_rate": 1, "n": 10}"#,
            &["std_reward"],
        ),
        (
            r#"{"environment": "CartPole-v1", "mean_reward": 1, "std_reward": 1, "success_rate": 7, "n": 10}"#,
            &["success_rate"],
        ),
        (
            r#"{"environment": "CartPole-v1", "episodes": []}"#,
            &["missing field `metrics`"],
        ),
    ] {
        let path = file(content);
        let mut words = words.to_vec();
        words.push(path.to_str().unwrap());
        evaluate(GOOD, &[("--baseline", &path)]).assert_refused(&words);
    }
}

#[test]
fn a_file_without_end_is_refused() {
    let path = file("");
    let sparse = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    sparse.set_len((128 << 20) + 1).unwrap();
    evaluate(GOOD, &[("--baseline", &path)]).assert_refused(&["is larger than 64 MiB"]);
    evaluate("--env CartPole-v1", &[("--", &path)]).assert_refused(&["is larger than 128 MiB"]);
}

#[test]
fn policies_that_cannot_be_used_are_refused_by_name() {
    evaluate("no-such-policy.zip --env CartPole-v1", &[])
        .assert_refused(&["cannot open no-such-policy.zip"]);
    let garbage = file("\u{7f}ELF, and then some");
    evaluate("--env CartPole-v1", &[("--", &garbage)]).assert_refused(&[
        "is no policy file",
        "ELF",
        "Stable-Baselines3",
    ]);
    evaluate("acrobot-ppo.zip --env CartPole-v1", &[]).assert_refused(&[
        "acrobot-ppo.zip: the policy takes observations of 6 values, CartPole-v1 gives 4",
    ]);
    evaluate(
        "pendulum-ddpg.zip --env Pendulum-v1 --against cartpole-dqn.zip",
        &[],
    )
    .assert_refused(&[
        "cartpole-dqn.zip: the policy takes observations of 4 values, Pendulum-v1 gives 3",
    ]);
    evaluate(&format!("{GOOD} --agent DQN"), &[]).assert_refused(&[
        "cartpole-ppo.zip",
        "DQN",
        "a policy of PPO",
    ]);
    evaluate(
        &format!("{GOOD} --vec-normalize pendulum-ppo-normalized.pkl"),
        &[],
    )
    .assert_refused(&["pendulum-ppo-normalized.pkl", "3 dimensions", "4 inputs"]);
    evaluate(&format!("{GOOD} --vec-normalize measured.json"), &[])
        .assert_refused(&["measured.json"]);
    evaluate(&format!("{GOOD} --format safetensors"), &[])
        .assert_refused(&["cartpole-ppo.zip", "safetensors"]);
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    evaluate("cartpole-ppo.zip", &[]).assert_refused(&["--env"]);
    evaluate("cartpole-ppo.zip --env CartPole-v0", &[]).assert_refused(&["CartPole-v1"]);
    evaluate(&format!("{GOOD} --env CartPole-v1"), &[])
        .assert_refused(&["--env CartPole-v1 is given twice"]);
    evaluate(&format!("{GOOD} --episodes 0"), &[]).assert_refused(&["--episodes"]);
    evaluate(&format!("{GOOD} --agent PPO2"), &[]).assert_refused(&["PPO2", "DQN, A2C, PPO, DDPG"]);
    evaluate(&format!("{GOOD} --against x --baseline y"), &[])
        .assert_refused(&["cannot be used with"]);
    evaluate(&format!("{GOOD} --seed 18446744073709551615"), &[]).assert_refused(&["seed"]);
}

#[test]
fn people_read_numbers_histograms_and_the_reason() {
    let run = evaluate(&format!("{WORSE} --against cartpole-ppo.zip"), &[]);
    for words in [
        "PPO, 4-64-64-2, tanh (default of its class), observations: raw, sb3-zip, sha256 3873f88877eb7a1b…",
        "against cartpole-ppo.zip",
        "100 episodes, seeds 0 to 99",
        "mean reward              242.8  [226.5, 259.0]     500.0        -257.2",
        "success rate            62.0 %                   100.0 %  -38.0 points",
        "▃▄▇█▅▃▃",
        "✘ regression, severity critical (roll back)",
        "failed checks: reward_drop  51.4 % (at most 10.0 %)",
    ] {
        assert!(
            run.stdout.contains(words),
            "no {words:?} in\n{}",
            run.stdout
        );
    }
    let json = evaluate(&format!("{WORSE} --against cartpole-ppo.zip --json"), &[]).json();
    let reason = json[0]["regression"]["reason"].as_str().unwrap();
    let in_one_line = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        in_one_line.contains(reason),
        "no {reason:?} in\n{}",
        run.stdout
    );
    assert!(
        !run.stdout.contains('\u{1b}'),
        "colours belong on a terminal"
    );
    assert_eq!(run.stderr, "", "so does a progress bar");
}
