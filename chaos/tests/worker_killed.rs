//! A worker dies by `kill -9` at every point of a job's life, and under load: no job is lost, none
//! runs to two ends.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

use std::time::{Duration, Instant};

use serde_json::json;
use tars_chaos::workload::{evaluation, policy, small_evaluation};
use tars_chaos::{Fleet, Parts, Process, Stack, has_ended, report};

/// Longer than anything here takes; what is not there by then is lost.
const LOST: Duration = Duration::from_mins(1);

fn fleet() -> Fleet {
    Fleet::start(
        Stack::start(
            &Parts::default()
                .with_postgres()
                .with_rabbitmq()
                .with_redis(),
        )
        .unwrap(),
    )
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_survives_the_death_of_its_worker_at_every_point() {
    let fleet = fleet();
    let client = fleet.client();
    // Two environments would not fit one policy, so what is recorded before the death is the only
    // environment's result.
    for (point, attempt) in [
        ("delivered", 1),
        ("claimed", 2),
        ("evaluated", 2),
        ("recorded", 2),
        ("committed", 1),
    ] {
        let doomed = fleet
            .worker(&format!("dies-{point}"), 1, &[("TARS_FAULT_AT", point)])
            .unwrap();
        let id = client.submit(&small_evaluation()).await.unwrap();
        let status = doomed.wait(LOST).unwrap();
        assert!(!status.success(), "the worker died when it had {point}");
        let death = Instant::now();
        let heir = fleet.worker(&format!("after-{point}"), 1, &[]).unwrap();
        let job = client.follow(&id, LOST, has_ended).await;
        report(format_args!(
            "killed when {point}: ended {:.2?} after the death, a worker's start included",
            death.elapsed()
        ));
        assert_eq!(
            (&job["status"], &job["attempt"]),
            (&json!("completed"), &json!(attempt)),
            "{point}: {job}"
        );
        // A job that had ended already is only acknowledged: its delivery comes to the heir too.
        let last_word = if point == "committed" {
            "nothing left to do"
        } else {
            "completed"
        };
        assert!(
            tars_chaos::eventually(LOST, || heir.log_text().contains(last_word)),
            "{}",
            heir.log_tail()
        );
        heir.terminate().unwrap();
        assert!(
            heir.wait(LOST).unwrap().success(),
            "a worker that is asked to end does so in order"
        );
    }
    let worker = fleet.worker("last", 1, &[]).unwrap();
    let jobs = client.hold_to_account(LOST).await;
    assert!(
        jobs.windows(2)
            .all(|pair| pair[0]["results"] == pair[1]["results"]),
        "all ran to the same bytes"
    );
    drop(worker);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_worker_takes_over_what_a_killed_one_was_running() {
    let fleet = fleet();
    let client = fleet.client();
    let agent = client.store(&policy(400)).await;
    let body = evaluation(&agent, 1000);
    let mut workers = vec![fleet.worker("first", 1, &[]).unwrap()];
    let id = client.submit(&body).await.unwrap();
    client
        .follow(&id, LOST, |job| {
            job["progress"]["episodes_done"].as_u64() > Some(0)
        })
        .await;
    workers.push(fleet.worker("second", 1, &[]).unwrap());
    workers[0].kill().unwrap();
    let death = Instant::now();
    let running = client.follow(&id, LOST, |job| job["attempt"] == 2).await;
    report(format_args!(
        "retake after a crash: {:.2?}",
        death.elapsed()
    ));
    assert_eq!(running["status"], "running");
    let jobs = client.hold_to_account(LOST).await;
    assert_eq!(
        jobs[0]["failures"][0]["kind"], "worker_lost",
        "the loss is remembered"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_under_load_lose_nothing() {
    const KILLS: usize = 6;
    let fleet = fleet();
    let client = fleet.client();
    let agent = client.store(&policy(64)).await;
    let start = |number: usize| fleet.worker(&format!("worker-{number}"), 2, &[]).unwrap();
    let mut workers: Vec<Process> = (0..2).map(start).collect();
    for kill in 0..KILLS {
        // Each round's jobs take longer than the round, so a kill always meets running ones.
        for _ in 0..20 {
            client.submit(&evaluation(&agent, 1000)).await.unwrap();
        }
        let running = async |client: &tars_chaos::Client| {
            client.conservation().await.unwrap().count("running") > 1
        };
        while !running(&client).await {}
        workers.remove(0).kill().unwrap();
        workers.push(start(kill + 2));
    }
    let jobs = client.hold_to_account(LOST * 2).await;
    assert!(
        jobs.iter().all(|job| job["status"] == "completed"),
        "innocent jobs complete"
    );
    assert!(
        jobs.windows(2)
            .all(|pair| pair[0]["results"] == pair[1]["results"]),
        "all ran to the same bytes"
    );
    let charged = jobs.iter().filter(|job| job["attempt"] != 1).count();
    let interrupted = jobs.iter().filter(|job| job["interruptions"] != 0).count();
    report(format_args!(
        "{} jobs, {KILLS} kills: {interrupted} interrupted, {charged} charged",
        jobs.len()
    ));
    assert!(interrupted > 0, "the kills met running jobs");
}
