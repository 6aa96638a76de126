//! Redis dies, hangs, and comes back empty: answers go on, from the database.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::Value;
use tars_chaos::workload::small_evaluation;
use tars_chaos::{Client, Fleet, Parts, Stack, has_ended, report};

const LOST: Duration = Duration::from_mins(1);

/// Submits and follows a job, and reads an old one; how long the old one took.
async fn works(client: &Client, old: &(String, Value)) -> Duration {
    let id = client.submit(&small_evaluation()).await.expect("accepted");
    client.follow(&id, LOST, has_ended).await;
    let start = Instant::now();
    assert_eq!(
        client.job(&old.0).await.as_ref(),
        Some(&old.1),
        "the same answer, wherever it comes from"
    );
    start.elapsed()
}

async fn cache_state(client: &Client) -> Value {
    let (status, health) = client.ask(Method::GET, "/health", None).await.unwrap();
    assert_eq!(
        status,
        StatusCode::OK,
        "a cache is no reason to refuse anybody"
    );
    let parts = health["parts"].as_array().unwrap();
    parts.iter().find(|part| part["name"] == "cache").unwrap()["state"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_failure_of_the_cache_is_a_miss() {
    let stack = Stack::start(
        &Parts::default()
            .with_postgres()
            .with_rabbitmq()
            .with_redis(),
    )
    .unwrap();
    let fleet = Fleet::start(stack).unwrap();
    let (client, redis) = (fleet.client(), fleet.stack().redis());
    let _worker = fleet.worker("worker", 1, &[]).unwrap();
    let id = client.submit(&small_evaluation()).await.unwrap();
    let job = client.follow(&id, LOST, has_ended).await;
    let old = (id, job);
    report(format_args!(
        "with Redis: {:.1?}",
        works(&client, &old).await
    ));
    assert_eq!(cache_state(&client).await, "healthy");

    redis.kill().unwrap();
    report(format_args!(
        "Redis killed: {:.1?}",
        works(&client, &old).await
    ));
    assert_eq!(cache_state(&client).await, "unhealthy");
    redis.start().unwrap();
    while cache_state(&client).await != "healthy" {}

    redis.freeze().unwrap();
    report(format_args!(
        "Redis frozen: {:.1?}",
        works(&client, &old).await
    ));
    assert_eq!(
        cache_state(&client).await,
        "unhealthy",
        "health does not hang with it"
    );
    redis.thaw().unwrap();
    while cache_state(&client).await != "healthy" {}

    redis.restart_empty().unwrap();
    report(format_args!(
        "Redis restarted empty: {:.1?}",
        works(&client, &old).await
    ));
    let jobs = client.hold_to_account(LOST).await;
    assert!(jobs.iter().all(|job| job["status"] == "completed"));
}
