//! More workers do more, start and stop at will, and hand on what they cannot finish.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

use std::time::{Duration, Instant};

use serde_json::json;
use tars_chaos::workload::{evaluation, policy};
use tars_chaos::{Client, Fleet, Parts, Process, Stack, has_ended, report};

const LOST: Duration = Duration::from_mins(2);
const JOBS: usize = 24;

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

/// Jobs per second over a backlog that is there before the first worker is.
async fn throughput(
    fleet: &Fleet,
    client: &Client,
    body: &serde_json::Value,
    workers: usize,
) -> f64 {
    let mut ids = Vec::new();
    for _ in 0..JOBS {
        ids.push(client.submit(body).await.unwrap());
    }
    let _workers: Vec<Process> = (0..workers)
        .map(|number| {
            fleet
                .worker(&format!("of-{workers}-{number}"), 1, &[])
                .unwrap()
        })
        .collect();
    // Their start is not what is measured.
    client
        .follow(&ids[0], LOST, |job| job["started_at"].is_string())
        .await;
    let start = Instant::now();
    for id in &ids {
        client.follow(id, LOST, has_ended).await;
    }
    f64::from(u32::try_from(JOBS).unwrap()) / start.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
async fn throughput_rises_with_workers_until_the_cores_are_full() {
    let fleet = fleet();
    let client = fleet.client();
    let body = evaluation(&client.store(&policy(200)).await, 400);
    let cores = std::thread::available_parallelism().unwrap().get();
    let one = throughput(&fleet, &client, &body, 1).await;
    let full = throughput(&fleet, &client, &body, cores.max(2)).await;
    report(format_args!(
        "{one:.1} jobs/s with 1 worker, {full:.1} with {}: {:.2} times as many",
        cores.max(2),
        full / one
    ));
    if cores > 1 {
        assert!(full > one, "a second worker on a second core does more");
    }
    client.hold_to_account(LOST).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_asked_to_end_finishes_its_job_first() {
    let fleet = fleet();
    let client = fleet.client();
    let body = evaluation(&client.store(&policy(300)).await, 1000);
    let worker = fleet.worker("drained", 1, &[]).unwrap();
    let running = client.submit(&body).await.unwrap();
    let waiting = client.submit(&body).await.unwrap();
    client
        .follow(&running, LOST, |job| job["status"] == "running")
        .await;
    worker.terminate().unwrap();
    assert!(worker.wait(LOST).unwrap().success(), "it ends in order");
    let job = client.job(&running).await.unwrap();
    assert_eq!(
        (&job["status"], &job["attempt"]),
        (&json!("completed"), &json!(1)),
        "the running job is finished"
    );
    assert_eq!(
        client.job(&waiting).await.unwrap()["status"],
        "queued",
        "and no other is begun"
    );

    let next = fleet.worker("next", 1, &[]).unwrap();
    client
        .follow(&waiting, LOST, |job| job["status"] == "running")
        .await;
    next.terminate().unwrap();
    // Two signals at once would be one.
    assert!(tars_chaos::eventually(LOST, || next
        .log_text()
        .contains("draining")));
    next.terminate().unwrap();
    assert!(
        next.wait(LOST).unwrap().success(),
        "the second signal ends it at once, in order too"
    );
    let job = client.job(&waiting).await.unwrap();
    assert_eq!(
        (&job["status"], &job["attempt"]),
        (&json!("queued"), &json!(0)),
        "released unharmed: {job}"
    );
    let _last = fleet.worker("last", 1, &[]).unwrap();
    let jobs = client.hold_to_account(LOST).await;
    assert!(
        jobs.iter()
            .all(|job| job["status"] == "completed" && job["attempt"] == 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_finish_within_the_grace_period_is_handed_back() {
    let fleet = fleet();
    let client = fleet.client();
    let body = evaluation(&client.store(&policy(500)).await, 1000);
    let worker = fleet
        .worker("impatient", 1, &[("EVAL_GRACE_SECONDS", "1")])
        .unwrap();
    let id = client.submit(&body).await.unwrap();
    client
        .follow(&id, LOST, |job| {
            job["progress"]["episodes_done"].as_u64() > Some(0)
        })
        .await;
    worker.terminate().unwrap();
    assert!(worker.wait(LOST).unwrap().success());
    let job = client.job(&id).await.unwrap();
    assert_eq!(
        (&job["status"], &job["attempt"]),
        (&json!("queued"), &json!(0)),
        "{job}"
    );
    let _heir = fleet.worker("heir", 2, &[]).unwrap();
    let jobs = client.hold_to_account(LOST).await;
    assert_eq!(
        (&jobs[0]["status"], &jobs[0]["attempt"]),
        (&json!("completed"), &json!(1))
    );
}
