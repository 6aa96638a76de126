//! Operators pause jobs and drain workers while workers die: nothing that was accepted is lost, and
//! nothing that is paused is begun.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tars_chaos::workload::{evaluation, policy};
use tars_chaos::{Client, Fleet, Parts, Stack, eventually, report};

const LOST: Duration = Duration::from_mins(2);
const JOBS: u64 = 1000;

fn fleet() -> Fleet {
    let parts = Parts::default()
        .with_postgres()
        .with_rabbitmq()
        .with_redis();
    Fleet::start(Stack::start(&parts).unwrap()).unwrap()
}

async fn submit(client: &Client, jobs: u64) {
    let body = evaluation(&client.store(&policy(4)).await, 1);
    for _ in 0..jobs / 50 {
        join_all((0..50).map(|_| client.submit(&body))).await;
    }
    client.settle(LOST).await;
}

fn count(fleet: &Fleet, what: &str) -> u64 {
    let count = format!("SELECT count(*) FROM {what}");
    let count = fleet.stack().postgres().query(&count).unwrap();
    count.parse().unwrap()
}

async fn ask(client: &Client, method: Method, path: &str, body: Option<&Value>) -> Value {
    let (status, answer) = client.ask(method, path, body).await.unwrap();
    assert!(status.is_success(), "{path}: {status} {answer}");
    answer
}

/// Messages that wait for a worker.
async fn waiting_messages(client: &Client) -> u64 {
    let metrics = client.get("/metrics").await.unwrap().text().await.unwrap();
    let depth = "tars_eval_queue_depth{priority=\"normal\"} ";
    let line = metrics.lines().find_map(|line| line.strip_prefix(depth));
    line.unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_through_the_deaths_of_workers_and_everything_runs_afterwards() {
    let fleet = fleet();
    let client = fleet.client();
    submit(&client, JOBS / 2).await;
    let pause = json!({"scope": "environment", "value": "CartPole-v1", "reason": "a defect"});
    let pause = ask(&client, Method::POST, "/v1/pauses", Some(&pause)).await;
    // The pause is in the database before the first worker looks. One dies with deliveries in its
    // hands, one when it has set jobs aside and acknowledged nothing, one in the middle of it.
    for point in ["delivered", "committed"] {
        let variables = [("TARS_FAULT_AT", point)];
        let doomed = fleet.worker(point, 2, &variables).unwrap();
        assert!(!doomed.wait(LOST).unwrap().success(), "it died: {point}");
    }
    let held = || count(&fleet, "held_jobs");
    let first = fleet.worker("first", 2, &[]).unwrap();
    assert!(eventually(LOST, || held() > 20), "{}", first.log_tail());
    first.kill().unwrap();
    report(format_args!(
        "killed when {} of {} were set aside",
        held(),
        JOBS / 2
    ));
    submit(&client, JOBS / 2).await;
    let start = Instant::now();
    let second = fleet.worker("second", 2, &[]).unwrap();
    assert!(
        eventually(LOST, || held() == JOBS),
        "{} of {}: {}",
        held(),
        count(&fleet, "jobs"),
        second.log_tail()
    );
    report(format_args!(
        "all {JOBS} set aside {:.2?} after the next worker came",
        start.elapsed()
    ));
    assert_eq!(count(&fleet, "jobs WHERE status = 'queued'"), JOBS);
    let begun = "jobs WHERE attempt > 0 OR interruptions > 0 OR started_at IS NOT NULL";
    assert_eq!(count(&fleet, begun), 0, "none was begun, and none charged");
    // No message of theirs is left.
    while waiting_messages(&client).await > 0 {}

    let path = format!("/v1/pauses/{}", pause["id"].as_str().unwrap());
    ask(&client, Method::DELETE, &path, None).await;
    let start = Instant::now();
    let completed = || count(&fleet, "jobs WHERE status = 'completed'");
    assert!(
        eventually(LOST, || completed() > 0),
        "{}",
        second.log_tail()
    );
    report(format_args!(
        "the first ended {:.2?} after the resumption",
        start.elapsed()
    ));
    second.kill().unwrap();
    let third = fleet.worker("third", 2, &[]).unwrap();
    let jobs = client.hold_to_account(LOST).await;
    assert!(jobs.iter().all(|job| job["status"] == "completed"));
    report(format_args!(
        "all {} ended {:.2?} after it, a kill included",
        jobs.len(),
        start.elapsed()
    ));
    assert_eq!(held(), 0, "{}", third.log_tail());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_drained_by_name_ends_in_order_and_the_other_goes_on() {
    let fleet = fleet();
    let client = fleet.client();
    let workers = ["one", "two"].map(|name| {
        let variables = [("EVAL_WORKER_NAME", name)];
        fleet.worker(name, 1, &variables).unwrap()
    });
    let agent = client.store(&policy(64)).await;
    for _ in 0..40 {
        client.submit(&evaluation(&agent, 1000)).await.unwrap();
    }
    let listed = async || {
        let listing = ask(&client, Method::GET, "/v1/workers", None).await;
        listing["items"].as_array().unwrap().clone()
    };
    while listed().await.len() < 2 {}
    let name = listed().await[0]["name"].as_str().unwrap().to_owned();
    assert!(name.starts_with("one-"), "{name}");
    let start = Instant::now();
    let path = format!("/v1/workers/{name}/drain");
    ask(&client, Method::POST, &path, None).await;
    let ended = workers[0].wait(LOST).unwrap();
    assert!(ended.success(), "{}", workers[0].log_tail());
    report(format_args!(
        "it ended {:.2?} after it was asked to",
        start.elapsed()
    ));
    assert!(workers[1].is_running());
    // It says so, or is not seen any more after a while.
    while listed().await.len() > 1 {}
    let (status, _) = client.ask(Method::POST, &path, None).await.unwrap();
    assert_eq!(status, StatusCode::NOT_FOUND);
    let jobs = client.hold_to_account(LOST).await;
    assert!(
        jobs.iter().all(|job| job["attempt"] == 1),
        "nobody is charged"
    );
}
