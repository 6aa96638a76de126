//! A worker that holds many short jobs at once dies, or drains: all of them come to one end, and
//! none of them is charged for it.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tars_chaos::workload::{evaluation, policy};
use tars_chaos::{Client, Fleet, Parts, Process, Stack, eventually, report};

const LOST: Duration = Duration::from_mins(2);
const JOBS: usize = 1200;
/// Jobs in the hands of one worker that are more than its slots by far.
const MANY: u64 = 10;

fn fleet() -> Fleet {
    let parts = Parts::default()
        .with_postgres()
        .with_rabbitmq()
        .with_redis();
    Fleet::start(Stack::start(&parts).unwrap()).unwrap()
}

async fn backlog(client: &Client) {
    let body = evaluation(&client.store(&policy(4)).await, 1);
    for _ in 0..JOBS / 50 {
        join_all((0..50).map(|_| client.submit(&body))).await;
    }
}

fn count(fleet: &Fleet, what: &str) -> u64 {
    let count = format!("SELECT count(*) FROM {what}");
    let count = fleet.stack().postgres().query(&count).unwrap();
    count.parse().unwrap()
}

/// How many jobs this worker holds.
fn held(fleet: &Fleet, worker: &Process) -> u64 {
    let pid = worker.pid();
    let held = format!("jobs WHERE status = 'running' AND lease_owner LIKE '%-{pid}'");
    count(fleet, &held)
}

/// A worker with two slots, as soon as it holds many jobs.
fn with_many(fleet: &Fleet, name: &str) -> Process {
    let worker = fleet.worker(name, 2, &[]).unwrap();
    let many = || held(fleet, &worker) >= MANY;
    assert!(eventually(LOST, many), "{}", worker.log_tail());
    worker
}

async fn all_completed(fleet: &Fleet, client: &Client) {
    let jobs = client.hold_to_account(LOST).await;
    assert_eq!(jobs.len(), JOBS);
    assert!(jobs.iter().all(|job| job["status"] == "completed"));
    assert_eq!(count(fleet, "job_failures"), 0, "nobody is charged");
    assert_eq!(count(fleet, "evaluations WHERE result IS NULL"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_worker_held_is_run_by_others_and_charged_to_nobody() {
    let fleet = fleet();
    let client = fleet.client();
    backlog(&client).await;
    let worker = with_many(&fleet, "wide");
    worker.kill().unwrap();
    let held = held(&fleet, &worker);
    report(format_args!("killed with {held} jobs in hand"));
    let heir = fleet.worker("heir", 2, &[]).unwrap();
    let start = Instant::now();
    all_completed(&fleet, &client).await;
    let suspects = count(&fleet, "jobs WHERE interruptions > 0");
    report(format_args!(
        "all {JOBS} ended {:.2?} after the next worker came, {suspects} of them alone",
        start.elapsed()
    ));
    assert_eq!(suspects, held, "whoever was in hand runs alone");
    drop(heir);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_draining_worker_has_not_begun_goes_back_and_is_charged_to_nobody() {
    let fleet = fleet();
    let client = fleet.client();
    backlog(&client).await;
    let worker = with_many(&fleet, "wide");
    worker.terminate().unwrap();
    let ended = worker.wait(LOST).unwrap();
    assert!(ended.success(), "{}", worker.log_tail());
    assert_eq!(count(&fleet, "jobs WHERE status = 'running'"), 0);
    assert!(count(&fleet, "jobs WHERE status = 'queued'") > 0);
    assert_eq!(
        count(&fleet, "jobs WHERE interruptions > 0"),
        0,
        "it left in order"
    );
    let heir = fleet.worker("heir", 2, &[]).unwrap();
    all_completed(&fleet, &client).await;
    drop(heir);
}
