//! The limiter in Redis.

use std::sync::Arc;
use std::time::{Duration, Instant};

use deadpool_redis::redis;
use tars_shared::clock::System;
use tars_shared::conformance::limiter;
use tars_shared::limiter::redis::Redis;
use tars_shared::limiter::{Limiter, Rate};
use tars_shared::metrics::Metrics;
use tars_shared::redis::{COMMAND_TIMEOUT, RedisClient};

use super::{LIMIT, PROMPT, shared, stack};

/// Regains nothing while a test runs.
const RATE: Rate = Rate {
    requests: Some(3),
    per: Duration::from_hours(1000),
};

/// The way to a Redis as one process has it. What is patient waits for the answer however busy the
/// machine is.
fn client(url: &str, timeout: Duration) -> Arc<RedisClient> {
    RedisClient::open(url, timeout, Arc::new(Metrics::new())).unwrap()
}

fn open(client: &Arc<RedisClient>) -> Redis {
    Redis::new(client.clone(), Arc::new(System))
}

/// Asks until it is denied; how many were allowed. Each answer has to come in time.
async fn exhaust(limiter: &Redis, key: &str, when: &str) -> u32 {
    let (start, mut allowed) = (Instant::now(), 0);
    while limiter.count(key, RATE).await.allowed {
        allowed += 1;
        assert!(
            start.elapsed() < PROMPT,
            "{when}, {allowed} requests took {:?}",
            start.elapsed()
        );
    }
    assert!(
        start.elapsed() < PROMPT,
        "{when}, the denial took {:?}",
        start.elapsed()
    );
    allowed
}

/// Waits until both count together, which a key that only they know shows.
async fn returns(limiter: &Redis, other: &Redis) {
    let back = async {
        for number in 0.. {
            let key = format!("returns {number}");
            other.forget(&key).await;
            limiter.count(&key, RATE).await;
            if other.count(&key, RATE).await.remaining == 1 {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, back)
        .await
        .expect("it counts with the others again by itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn suite() {
    limiter::check(Arc::new(open(&client(&shared().await, LIMIT)))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_processes_together_keep_a_large_limit() {
    let url = shared().await;
    let limiters: Vec<_> = (0..4)
        .map(|_| Arc::new(open(&client(&url, LIMIT))) as Arc<dyn Limiter>)
        .collect();
    limiter::keeps_a_large_limit(&limiters).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_large_limit_few_requests_ask_redis_and_of_a_small_one_all_do() {
    let stack = stack().await;
    let limiter = open(&client(&stack.redis().url(), LIMIT));
    let commands = || {
        let stats = stack.redis().command(&["INFO", "commandstats"]).unwrap();
        let calls = |line: &str| {
            let (_, calls) = line.split_once("calls=")?;
            calls.split_once(',')?.0.parse::<u32>().ok()
        };
        let counts = stats.lines().filter(|line| line.contains("_eval"));
        counts.filter_map(calls).sum::<u32>()
    };
    // The first asks by the script's name, and then with the script.
    limiter.count("another", RATE).await;
    let before = commands();
    for _ in 0..5000 {
        let rate = "100000/s".parse().unwrap();
        assert!(limiter.count("large", rate).await.allowed);
    }
    let asked = commands() - before;
    assert!(asked <= 500, "{asked} for 5000");
    let before = commands();
    for _ in 0..500 {
        let rate = Rate::per_minute(600);
        assert!(limiter.count("small", rate).await.allowed);
    }
    assert_eq!(commands() - before, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_processes_count_together() {
    let url = shared().await;
    let (one, other) = (open(&client(&url, LIMIT)), open(&client(&url, LIMIT)));
    let key = "all_processes_count_together";
    one.forget(key).await;
    assert_eq!(one.count(key, RATE).await.remaining, 2);
    assert_eq!(other.count(key, RATE).await.remaining, 1);
    assert_eq!(one.count(key, RATE).await.remaining, 0);
    assert!(!other.count(key, RATE).await.allowed);
    other.forget(key).await;
    assert_eq!(
        one.count(key, RATE).await.remaining,
        2,
        "what one forgets is forgotten by all"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_short_expire_and_keep_apart_from_those_of_others() {
    let stack = stack().await;
    let limiter = open(&client(&stack.redis().url(), LIMIT));
    for key in ["short", "two\r\nlines", &"long".repeat(1_000_000)] {
        while limiter.count(key, RATE).await.allowed {}
    }
    let client = redis::Client::open(stack.redis().url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("*")
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(keys.len(), 3);
    for key in keys {
        assert!(key.starts_with("tars:limit:") && key.len() < 100, "{key}");
        let left: i64 = redis::cmd("PTTL")
            .arg(&key)
            .query_async(&mut connection)
            .await
            .unwrap();
        let whole = i64::try_from(RATE.per.as_millis()).unwrap();
        assert!(
            (1..=whole).contains(&left),
            "a key is gone once it is whole again: {left} of {whole}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_limited_while_redis_is_away_and_together_again_when_it_is_back() {
    let stack = stack().await;
    let url = stack.redis().url();
    let (one, other) = (
        open(&client(&url, COMMAND_TIMEOUT)),
        open(&client(&url, COMMAND_TIMEOUT)),
    );

    stack.redis().freeze().unwrap();
    assert_eq!(
        exhaust(&one, "frozen", "while it is frozen").await,
        3,
        "a process counts by itself"
    );
    assert_eq!(
        exhaust(&other, "frozen", "while it is frozen").await,
        3,
        "and so does every other"
    );
    one.forget("frozen").await;
    assert_eq!(
        exhaust(&one, "frozen", "while it is frozen").await,
        3,
        "it can forget by itself, too"
    );
    stack.redis().thaw().unwrap();

    stack.redis().kill().unwrap();
    assert_eq!(exhaust(&one, "dead", "while it is dead").await, 3);
    assert_eq!(
        exhaust(&one, "dead", "while it is dead").await,
        0,
        "who is denied stays so"
    );

    stack.redis().restart_empty().unwrap();
    // A command that is late on a busy machine would be counted apart: here what they share is
    // asked, not how soon.
    let (patient, patient_other) = (open(&client(&url, LIMIT)), open(&client(&url, LIMIT)));
    assert_eq!(
        patient.count("dead", RATE).await.remaining,
        2,
        "it counts anew, with a script it does not know yet"
    );
    assert_eq!(
        patient_other.count("dead", RATE).await.remaining,
        1,
        "together"
    );
    returns(&one, &patient).await;
    returns(&other, &patient).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_limited_while_redis_is_full() {
    let stack = stack().await;
    let limiter = open(&client(&stack.redis().url(), LIMIT));
    stack
        .redis()
        .command(&["CONFIG", "SET", "maxmemory", "1"])
        .unwrap();
    assert_eq!(exhaust(&limiter, "full", "while it keeps nothing").await, 3);
    stack
        .redis()
        .command(&["CONFIG", "SET", "maxmemory", "0"])
        .unwrap();
    assert_eq!(
        limiter.count("full", RATE).await.remaining,
        2,
        "it counts as soon as there is room"
    );
}
