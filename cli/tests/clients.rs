//! The client subcommands, run as people and scripts run them: the real binary against a real
//! service.

#[path = "clients/bench.rs"]
mod bench;
#[path = "clients/dlq.rs"]
mod dlq;
#[path = "support/proxy.rs"]
mod proxy;
#[path = "support/run.rs"]
mod run;
#[path = "support/service.rs"]
mod service;

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use bench::{Bench, example, id, tars};
use proxy::Proxy;
use run::command;
use serde_json::{Value, json};
use service::Service;

#[test]
fn a_submitted_policy_is_watched_to_its_result() {
    let bench = Bench::new();
    let receipt = bench.json(&[
        "submit",
        &example("cartpole-ppo.zip"),
        "--agent",
        "ppo",
        "--seed",
        "7",
        "--quick",
    ]);
    let watched = bench.tars(&["jobs", "watch", id(&receipt)]);
    assert_eq!(watched.code, 0, "{}", watched.err);
    assert!(
        watched.out.contains("not compared with a baseline"),
        "{}",
        watched.out
    );
    assert!(watched.out.contains("mean reward"), "{}", watched.out);
    assert!(
        watched.err.contains("50 of 50 episodes, completed"),
        "{}",
        watched.err
    );

    let shown = bench.json(&["jobs", "show", id(&receipt)]);
    assert_eq!(shown["status"], "completed");
    assert_eq!(shown["seed"], 7);
    assert_eq!(shown["results"][0]["metrics"]["mean_reward"], 500.0);
}

#[test]
fn the_exit_code_of_a_wait_is_the_verdict() {
    let bench = Bench::new();
    let pendulum = example("pendulum-ppo-normalized.zip");
    let statistics = example("pendulum-ppo-normalized.pkl");
    let submit = |policy: &str, more: &[&str]| {
        bench.tars(&[&["submit", policy, "--agent", "PPO", "--wait"], more].concat())
    };
    let normalized = ["--env", "Pendulum-v1", "--vec-normalize", &statistics];

    let first = submit(
        &pendulum,
        &[&normalized[..], &["--seed", "0", "--json"]].concat(),
    );
    assert_eq!(first.code, 0, "{}", first.err);
    let first: Value = serde_json::from_str(&first.out).unwrap();
    assert_eq!(bench.tars(&["jobs", "promote", id(&first)]).code, 0);

    let same = submit(&pendulum, &[&normalized[..], &["--seed", "0"]].concat());
    assert_eq!(same.code, 0, "{}", same.out);
    assert!(same.out.contains("✔ pass"), "{}", same.out);
    let worse = submit(&pendulum, &["--env", "Pendulum-v1", "--seed", "0"]);
    assert_eq!(worse.code, 1, "{}", worse.out);
    assert!(worse.out.contains("✘ regression"), "{}", worse.out);
    let early = submit(
        &pendulum,
        &[
            "--env",
            "Pendulum-v1",
            "--seed",
            "0",
            "--stop",
            "when_decided",
            "--json",
        ],
    );
    let early: Value = serde_json::from_str(&early.out).unwrap();
    assert_eq!(early["verdict"], "regression");
    assert_eq!(early["results"][0]["stopped_early"], true);
    let refused = bench.tars(&["jobs", "promote", id(&early)]);
    assert_ne!(refused.code, 0, "{}", refused.out);
    assert!(refused.err.contains("stopped early"), "{}", refused.err);
    let few = submit(
        &pendulum,
        &[&normalized[..], &["--seed", "1001000", "--episodes", "10"]].concat(),
    );
    assert_eq!(few.code, 3, "{}", few.out);
    assert!(few.out.contains("? inconclusive"), "{}", few.out);
    let misfit = submit(&pendulum, &["--env", "CartPole-v1"]);
    assert_eq!(misfit.code, 2, "{}", misfit.out);
    assert!(misfit.out.contains("observations"), "{}", misfit.out);
    let uncompared = submit(
        &pendulum,
        &["--env", "Pendulum-v1", "--seed", "0", "--no-baseline"],
    );
    assert_eq!(uncompared.code, 0, "{}", uncompared.out);
}

#[test]
fn a_running_job_can_be_cancelled_and_submitted_again() {
    let bench = Bench::new();
    let policy = bench.slow_policy(512);
    let receipt = bench.json(&[
        "submit",
        &policy,
        "--agent",
        "DQN",
        "--env",
        "Acrobot-v1",
        "--episodes",
        "1000",
    ]);
    let cancelled = bench.tars(&["jobs", "cancel", id(&receipt)]);
    assert_eq!(cancelled.code, 0, "{}", cancelled.err);
    let watched = bench.tars(&["jobs", "watch", id(&receipt)]);
    assert_eq!(watched.code, 2, "a cancelled job has no result");
    assert!(watched.out.contains("cancelled"), "{}", watched.out);

    let again = bench.json(&["jobs", "retry", id(&receipt)]);
    assert_ne!(id(&again), id(&receipt));
    assert_eq!(
        bench.json(&["jobs", "show", id(&again)])["retry_of"],
        receipt["job_id"]
    );
    assert_eq!(bench.tars(&["jobs", "cancel", id(&again)]).code, 0);
}

#[test]
fn a_failed_job_is_retried_once_however_often_one_asks() {
    let bench = Bench::new();
    let failed = bench.json(&[
        "submit",
        &example("acrobot-ppo.zip"),
        "--agent",
        "PPO",
        "--wait",
    ]);
    assert_eq!(failed["status"], "failed");
    let shown = bench.tars(&["jobs", "show", id(&failed)]);
    assert!(shown.out.contains("It would fail again"), "{}", shown.out);
    let again = bench.json(&["jobs", "retry", id(&failed)]);
    assert_eq!(
        bench.json(&["jobs", "retry", id(&failed)])["job_id"],
        again["job_id"]
    );
    let completed = bench.json(&[
        "submit",
        &example("acrobot-ppo.zip"),
        "--agent",
        "PPO",
        "--env",
        "Acrobot-v1",
        "--wait",
    ]);
    let refused = bench.tars(&["jobs", "retry", id(&completed)]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.err.contains("only failed and cancelled jobs"),
        "{}",
        refused.err
    );
}

#[test]
fn jobs_are_listed_by_what_they_are() {
    let bench = Bench::new();
    let empty = bench.tars(&["jobs", "list"]);
    assert!(empty.out.contains("tars submit POLICY"), "{}", empty.out);

    let policy = example("cartpole-dqn.zip");
    let mut ids = Vec::new();
    for team in ["blue", "red", "red"] {
        let label = format!("team={team}");
        let job = bench.json(&[
            "submit", &policy, "--agent", "DQN", "--quick", "--label", &label, "--wait",
        ]);
        ids.insert(0, id(&job).to_owned());
    }
    let all = bench.tars(&["jobs", "list"]).out;
    let backends: Vec<_> = ids
        .iter()
        .map(|id| all.find(id).expect("every job is listed"))
        .collect();
    assert!(backends.is_sorted(), "the latest job comes first: {all}");

    let listed = |filter: &[&str]| {
        let found = bench.json(&[&["jobs", "list"], filter].concat());
        let items = found["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|job| id(job).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(&["--label", "team:red"]), ids[..2]);
    assert_eq!(listed(&["--limit", "1"]), ids[..1]);
    assert_eq!(
        listed(&[
            "--status",
            "completed",
            "--agent",
            "dqn",
            "--env",
            "CartPole-v1",
            "--all"
        ]),
        ids
    );
    let more = bench.tars(&["jobs", "list", "--limit", "1"]).out;
    assert!(more.contains("There are more"), "{more}");
    let none = bench.tars(&["jobs", "list", "--agent", "ddpg"]);
    assert_eq!(none.code, 0);
    assert!(none.out.contains("No job fits"), "{}", none.out);
}

#[test]
fn baselines_come_from_numbers_files_and_jobs() {
    let bench = Bench::new();
    let empty = bench.tars(&["baselines", "list"]);
    assert!(
        empty.out.contains("tars baselines promote JOB_ID"),
        "{}",
        empty.out
    );

    let of_acrobot = ["--agent", "PPO", "--env", "Acrobot-v1"];
    let add = |more: &[&str]| bench.json(&[&["baselines", "add"], &of_acrobot[..], more].concat());
    let stated = add(&[
        "--mean",
        "-120.5",
        "--std",
        "20",
        "--success-rate",
        "0.9",
        "--episodes",
        "100",
    ]);
    assert_eq!(
        (&stated["rank"], &stated["mean_reward"]),
        (&json!(1), &json!(-120.5))
    );

    let evaluation = bench.folder.path().join("evaluation.json");
    let run = bench.tars(&[
        "evaluate",
        &example("acrobot-ppo.zip"),
        "--env",
        "Acrobot-v1",
        "--episodes",
        "20",
        "--json",
    ]);
    std::fs::write(&evaluation, run.out).unwrap();
    let read = add(&["--from-json", evaluation.to_str().unwrap()]);
    assert_eq!((&read["rank"], &read["n"]), (&json!(1), &json!(20)));
    assert_eq!(read["returns"].as_array().unwrap().len(), 20);

    let job = bench.json(&[
        "submit",
        &example("acrobot-ppo.zip"),
        "--agent",
        "PPO",
        "--env",
        "Acrobot-v1",
        "--wait",
    ]);
    let promoted = bench.json(&["baselines", "promote", id(&job)]);
    assert_eq!(promoted["baselines"][0]["source_job"], job["job_id"]);

    let top = bench.json(&["baselines", "top", "ppo", "-n", "2"]);
    let ranks: Vec<_> = top["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|baseline| baseline["rank"].clone())
        .collect();
    assert_eq!(ranks, [1, 2]);
    let listed = bench
        .tars(&["baselines", "list", "--env", "Acrobot-v1"])
        .out;
    assert_eq!(
        listed.lines().count(),
        4,
        "a header and three baselines: {listed}"
    );
    assert!(
        listed.contains("-120.5") && listed.contains(id(&job)),
        "{listed}"
    );
}

#[test]
fn what_the_service_refuses_is_told_field_by_field() {
    let bench = Bench::new();
    let refused = bench.tars(&[
        "submit",
        &example("cartpole-ppo.zip"),
        "--agent=PPO",
        "--episodes=5000",
        "--seed=-1",
        "--env=LunarLander-v9",
    ]);
    assert_eq!(refused.code, 2);
    for line in [
        "environments[0]: ",
        "num_episodes: must be from 1 to 1000",
        "seed: must be from 0",
    ] {
        assert!(
            refused.err.contains(line),
            "{line:?} is not in {}",
            refused.err
        );
    }
    let unknown = bench.tars(&["jobs", "show", "0199b1a4-0000-7000-8000-000000000000"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("there is no job"), "{}", unknown.err);
}

#[test]
fn without_a_service_one_learns_how_to_start_it() {
    let refused = tars("http://127.0.0.1:1", "", &["jobs", "list"]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.err.contains("`tars dev --port 1`"),
        "{}",
        refused.err
    );
    let encrypted = tars("https://127.0.0.1", "", &["jobs", "list"]);
    assert_eq!(encrypted.code, 2);
    assert!(encrypted.err.contains("no TLS"), "{}", encrypted.err);
}

#[test]
fn a_lost_answer_makes_no_second_job() {
    let bench = Bench::new();
    let proxy = Proxy::before(bench.service.url());
    proxy.lose_answers(2);
    let submission = [
        "submit",
        &example("cartpole-ppo.zip"),
        "--agent",
        "PPO",
        "--quick",
        "--json",
    ];
    let run = tars(&proxy.url(), &bench.token, &submission);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(proxy.answers_to_lose(), 0, "the network did fail");
    let receipt: Value = serde_json::from_str(&run.out).unwrap();
    let listed = bench.json(&["jobs", "list"]);
    let jobs: Vec<_> = listed["items"].as_array().unwrap().iter().map(id).collect();
    assert_eq!(jobs, [id(&receipt)]);
}

#[test]
fn a_watch_outlives_the_service() {
    let mut bench = Bench::new();
    let proxy = Proxy::before(bench.service.url());
    let policy = bench.slow_policy(128);
    let receipt = bench.json(&[
        "submit",
        &policy,
        "--agent",
        "DQN",
        "--env",
        "Acrobot-v1",
        "--episodes",
        "400",
    ]);
    let mut watch = command(&proxy.url(), &bench.token, &["jobs", "watch", id(&receipt)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watch.stderr.take().unwrap()).lines();
    let first = lines.next().expect("it says where the job is").unwrap();
    assert!(first.contains("of 400 episodes"), "{first}");
    assert!(
        !first.contains("completed"),
        "the service is to be killed before the job ends"
    );

    bench.service.kill();
    bench.service = Service::start(&bench.folder.path().join("data"));
    proxy.retarget(bench.service.url());
    let last = lines.map_while(Result::ok).last();
    let output = watch.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{last:?}");
    let result = String::from_utf8(output.stdout).unwrap();
    assert!(result.contains("-500.0"), "{result}");
}
