//! Postgres dies and comes back: submissions are accepted by message, workers hold what they have,
//! nobody is charged.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::Value;
use tars_chaos::workload::{evaluation, policy, small_evaluation};
use tars_chaos::{Client, Fate, Fleet, Parts, Process, Stack, has_ended, report};

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

/// How much processor time a process has used, in ticks.
fn ticks(process: &Process) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.pid())).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().unwrap())
        .sum()
}

/// Follows an accepted job to its end: no poll on the way may say that there is none.
async fn follow_known(client: &Client, id: &str) {
    let end = Instant::now() + LOST;
    loop {
        let answer = client
            .ask(Method::GET, &format!("/v1/jobs/{id}"), None)
            .await;
        assert!(Instant::now() < end, "job {id} has not ended: {answer:?}");
        match answer {
            Some((StatusCode::OK, job)) if has_ended(&job) => return,
            Some((status, problem)) => {
                assert_ne!(status, StatusCode::NOT_FOUND, "{id}: {problem}");
            }
            None => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_accepted_by_message_while_the_database_is_down() {
    let fleet = fleet();
    let client = fleet.client();
    let agent = client.store(&policy(300)).await;
    let worker = fleet.worker("worker", 2, &[]).unwrap();
    let running = client.submit(&evaluation(&agent, 1000)).await.unwrap();
    client
        .follow(&running, LOST, |job| job["status"] == "running")
        .await;

    fleet.stack().postgres().kill().unwrap();
    let mut accepted = Vec::new();
    for _ in 0..10 {
        let start = Instant::now();
        accepted.push(
            client
                .submit(&small_evaluation())
                .await
                .expect("accepted, because the message is there"),
        );
        assert!(start.elapsed() < Duration::from_secs(5), "no request hangs");
    }
    let (status, problem) = client
        .ask(Method::GET, &format!("/v1/jobs/{running}"), None)
        .await
        .unwrap();
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &Value::from("unavailable"))
    );
    let polled = client.get(&format!("/v1/jobs/{running}")).await.unwrap();
    assert!(
        polled.headers().contains_key("retry-after"),
        "it says when to ask again"
    );
    let (status, health) = client.ask(Method::GET, "/health", None).await.unwrap();
    assert_eq!(
        (status, &health["status"]),
        (StatusCode::OK, &Value::from("degraded")),
        "{health}"
    );

    fleet.stack().postgres().start().unwrap();
    let back = Instant::now();
    for id in &accepted {
        follow_known(&client, id).await;
    }
    report(format_args!(
        "jobs accepted without a database ended {:.1?} after its return",
        back.elapsed()
    ));
    let jobs = client.hold_to_account(LOST).await;
    assert!(jobs.iter().all(|job| job["status"] == "completed"));
    assert!(
        jobs.iter()
            .all(|job| job["attempt"] == 1 && job["interruptions"] == 0),
        "nobody is charged"
    );
    drop(worker);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_longer_than_a_lease_costs_nobody_an_attempt() {
    // The replica answers reads meanwhile, and shows leases that nobody can renew.
    let fleet =
        Fleet::start(Stack::start(&Parts::default().with_replica().with_rabbitmq()).unwrap())
            .unwrap();
    let client = fleet.client();
    let agent = client.store(&policy(500)).await;
    let workers = ["one", "two", "idle"].map(|name| fleet.worker(name, 1, &[]).unwrap());
    let running = [
        client.submit(&evaluation(&agent, 1000)).await.unwrap(),
        client.submit(&evaluation(&agent, 999)).await.unwrap(),
    ];
    for id in &running {
        client
            .follow(id, LOST, |job| job["status"] == "running")
            .await;
    }
    let (primary, replica) = (fleet.stack().postgres(), fleet.stack().replica());
    replica.catch_up_with(primary, LOST).unwrap();
    primary.kill().unwrap();
    let path = format!("/v1/jobs/{}", running[0]);
    let polled = async || client.get(&path).await.unwrap();
    while polled().await.headers().get("x-tars-read-from").is_none() {}
    assert_eq!(
        polled().await.status(),
        StatusCode::OK,
        "the replica answers, and says that it does"
    );
    // There is no event to wait for: leases of five seconds expire meanwhile.
    assert!(!tars_chaos::eventually(Duration::from_secs(8), || !workers
        [0]
    .is_running()));
    primary.start().unwrap();
    let jobs = client.hold_to_account(LOST).await;
    for job in &jobs {
        assert_eq!(
            (&job["status"], &job["attempt"]),
            (&Value::from("completed"), &Value::from(1)),
            "{job}"
        );
        assert_eq!(job["interruptions"], 0, "{job}");
    }
}

/// Where a worker answers operators.
fn operations(worker: &Process) -> String {
    let address = || {
        let log = worker.log_text();
        log.lines()
            .find_map(|line| line.strip_prefix("health and metrics on "))
            .map(str::to_owned)
    };
    assert!(
        tars_chaos::eventually(LOST, || address().is_some()),
        "{}",
        worker.log_tail()
    );
    address().unwrap()
}

/// Waits until the metrics have these lines.
async fn until_metrics(url: &str, lines: &[&str]) {
    let end = Instant::now() + LOST;
    loop {
        let metrics = reqwest::get(format!("{url}/metrics"))
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        match lines
            .iter()
            .find(|line| !metrics.lines().any(|shown| shown == **line))
        {
            None => return,
            Some(missing) => assert!(Instant::now() < end, "{missing} is not in {metrics}"),
        }
    }
}

async fn status(url: &str, path: &str) -> StatusCode {
    reqwest::get(format!("{url}{path}")).await.unwrap().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_hold_their_deliveries_without_spinning() {
    let fleet = fleet();
    let client = fleet.client();
    let worker = fleet
        .worker("worker", 1, &[("EVAL_WORKER_PORT", "0")])
        .unwrap();
    let url = operations(&worker);
    let warm = client.submit(&small_evaluation()).await.unwrap();
    client.follow(&warm, LOST, has_ended).await;
    assert_eq!(status(&url, "/readyz").await, StatusCode::OK);
    assert_eq!(
        status(&url, "/v1/jobs").await,
        StatusCode::NOT_FOUND,
        "a worker takes no jobs over HTTP"
    );
    // The job is seen to have ended a moment before its slot is free.
    until_metrics(
        &url,
        &[
            "tars_eval_attempts_total 1",
            "tars_eval_leases_held 0",
            "tars_eval_worker_slots{state=\"idle\"} 1",
        ],
    )
    .await;
    fleet.stack().postgres().kill().unwrap();
    let id = client
        .submit(&small_evaluation())
        .await
        .expect("accepted by message");
    assert!(tars_chaos::eventually(LOST, || worker
        .log_text()
        .contains("waiting until the store answers")));
    let (before, watched) = (ticks(&worker), Instant::now());
    // There is no event to wait for: what is shown is what does not happen for a while.
    assert!(
        !tars_chaos::eventually(Duration::from_secs(4), || !worker.is_running()),
        "it lives on"
    );
    assert_eq!(
        status(&url, "/readyz").await,
        StatusCode::SERVICE_UNAVAILABLE,
        "it cannot do its duty"
    );
    assert_eq!(
        status(&url, "/livez").await,
        StatusCode::OK,
        "which is no reason to kill it"
    );
    let used = ticks(&worker) - before;
    report(format_args!(
        "held a delivery for {:.1?} with {used} ticks of processor time",
        watched.elapsed()
    ));
    assert!(
        used < 100,
        "a quarter of the time on a processor would be spinning: {used} ticks"
    );
    fleet.stack().postgres().start().unwrap();
    let job = client.follow(&id, LOST, has_ended).await;
    assert_eq!(
        (&job["status"], &job["attempt"]),
        (&Value::from("completed"), &Value::from(1))
    );
    client.hold_to_account(LOST).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_both_homes_down_the_answer_is_an_honest_503() {
    let fleet = fleet();
    let client = fleet.client();
    let _worker = fleet.worker("worker", 1, &[]).unwrap();
    client.submit(&small_evaluation()).await.unwrap();
    fleet.stack().postgres().kill().unwrap();
    fleet.stack().rabbitmq().kill().unwrap();
    let start = Instant::now();
    assert_eq!(client.submit(&small_evaluation()).await, None);
    report(format_args!(
        "503 with both homes down after {:.2?}",
        start.elapsed()
    ));
    let refused = client
        .ledger()
        .entries()
        .into_iter()
        .filter(|(_, entry)| entry.fate == Fate::Refused(503))
        .count();
    assert_eq!(refused, 1, "refused, not unknown");
    fleet.stack().postgres().start().unwrap();
    fleet.stack().rabbitmq().start().unwrap();
    client.hold_to_account(LOST).await;
}
