//! RabbitMQ dies and comes back, with its messages or without: submissions are accepted all the
//! while, and all jobs run.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tars_chaos::workload::{evaluation, policy, small_evaluation};
use tars_chaos::{Fleet, Parts, Stack, has_ended, report};

/// A job whose message was lost with its queue is found after half a minute.
const LOST: Duration = Duration::from_mins(2);

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
async fn jobs_are_accepted_while_the_broker_is_down_and_run_when_it_is_back() {
    let fleet = fleet();
    let client = fleet.client();
    let agent = client.store(&policy(400)).await;
    let worker = fleet.worker("worker", 1, &[]).unwrap();
    let running = client.submit(&evaluation(&agent, 1000)).await.unwrap();
    let waiting = client.submit(&small_evaluation()).await.unwrap();
    client
        .follow(&running, LOST, |job| job["status"] == "running")
        .await;

    fleet.stack().rabbitmq().kill().unwrap();
    let mut slowest = Duration::ZERO;
    for _ in 0..10 {
        let start = Instant::now();
        client
            .submit(&small_evaluation())
            .await
            .expect("accepted, because the row is there");
        slowest = slowest.max(start.elapsed());
    }
    report(format_args!(
        "slowest 202 while the broker is down: {slowest:.2?}"
    ));
    fleet.stack().rabbitmq().start().unwrap();
    let back = Instant::now();
    client.follow(&waiting, LOST, has_ended).await;
    report(format_args!(
        "the first waiting job ended {:.1?} after the broker was back",
        back.elapsed()
    ));
    let jobs = client.hold_to_account(LOST).await;
    assert!(jobs.iter().all(|job| job["status"] == "completed"));
    let attempts = jobs
        .iter()
        .map(|job| job["attempt"].as_u64().unwrap())
        .max();
    assert_eq!(
        attempts,
        Some(1),
        "a worker that only lost its connection keeps its job, and nobody is charged"
    );
    drop(worker);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_whose_messages_were_lost_with_the_broker_are_found_again() {
    let fleet = fleet();
    let client = fleet.client();
    for _ in 0..5 {
        client.submit(&small_evaluation()).await.unwrap();
    }
    fleet.stack().rabbitmq().restart_empty().unwrap();
    let _worker = fleet.worker("worker", 1, &[]).unwrap();
    let jobs = client.hold_to_account(LOST).await;
    assert!(jobs.iter().all(|job| job["status"] == "completed"));
}

/// New messages keep coming to the broker that lost the old ones, so its queues are hardly ever
/// empty.
#[tokio::test(flavor = "multi_thread")]
async fn jobs_whose_messages_were_lost_are_found_under_steady_traffic() {
    let fleet = fleet();
    let client = fleet.client();
    let mut lost = Vec::new();
    for _ in 0..5 {
        lost.push(client.submit(&small_evaluation()).await.unwrap());
    }
    fleet.stack().rabbitmq().restart_empty().unwrap();
    let back = Instant::now();
    let _workers = ["worker-1", "worker-2"].map(|name| fleet.worker(name, 1, &[]).unwrap());
    let over = AtomicBool::new(false);
    let traffic = async {
        let agent = client.store(&policy(64)).await;
        client
            .keep_submitting(&evaluation(&agent, 200), &over)
            .await;
    };
    let found = async {
        for id in &lost {
            client.follow(id, LOST, has_ended).await;
        }
        report(format_args!(
            "lost messages were made up for {:.0?} after the broker was back",
            back.elapsed()
        ));
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(traffic, found);
}
