//! What is kept in Redis passes the suites of its ports, and does without it while it is away, on
//! real servers.
#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

#[path = "redis/limiter.rs"]
mod limiter;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use deadpool_redis::redis;
use tars_chaos::{Endpoints, Parts, Stack};
use tars_shared::cache::Cache as _;
use tars_shared::cache::redis::Redis;
use tars_shared::conformance::cache;
use tars_shared::metrics::Metrics;
use tars_shared::redis::{COMMAND_TIMEOUT, RedisClient};

/// Far longer than anything takes on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);
/// A request that meets an absent cache still has to be answered in time.
const PROMPT: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

fn open(url: &str) -> (Redis, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::new());
    (
        Redis::new(RedisClient::open(url, COMMAND_TIMEOUT, metrics.clone()).unwrap()),
        metrics,
    )
}

async fn shared() -> String {
    tokio::task::spawn_blocking(|| Endpoints::for_suites().cache())
        .await
        .unwrap()
        .unwrap()
}

async fn stack() -> Stack {
    tokio::task::spawn_blocking(|| Stack::start(&Parts::default().with_redis()))
        .await
        .unwrap()
        .unwrap()
}

/// Looks for a key, which has to be a miss in time.
async fn misses(cache: &Redis, when: &str) {
    let start = Instant::now();
    assert_eq!(cache.find("key").await, None, "{when}");
    cache.put("other", Bytes::from_static(b"1"), HOUR).await;
    cache.ping().await.unwrap_err();
    assert!(
        start.elapsed() < PROMPT,
        "{when}, three requests took {:?}",
        start.elapsed()
    );
}

async fn returns(cache: &Redis) {
    let back = async {
        while cache.ping().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, back)
        .await
        .expect("the cache comes back by itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn suite() {
    // Redis expires by its own clock, which no test can move: the shortest time that it counts in,
    // and a wait for it.
    cache::check(
        &open(&shared().await).0,
        Duration::from_millis(50),
        tokio::time::sleep,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_keep_apart_from_those_of_others() {
    let url = shared().await;
    open(&url)
        .0
        .put("key", Bytes::from_static(b"value"), HOUR)
        .await;
    let mut connection = redis::Client::open(url)
        .unwrap()
        .get_multiplexed_async_connection()
        .await
        .unwrap();
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("*")
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(keys, ["tars:key"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_share_few_connections() {
    let cache = Arc::new(open(&shared().await).0);
    cache.put("key", Bytes::from_static(b"value"), HOUR).await;
    let requests: Vec<_> = (0..200)
        .map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.find("key").await })
        })
        .collect();
    let mut found = 0;
    for request in requests {
        found += usize::from(request.await.unwrap().is_some());
    }
    assert!(found > 0, "the crowd is served");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_a_miss_with_a_reason() {
    let url = shared().await;
    let (before, after) = url
        .split_once(':')
        .zip(url.split_once('@'))
        .map(|((a, _), (_, b))| (a, b))
        .unwrap();
    let cache = open(&format!("{before}://:wrong-secret@{after}")).0;
    let reason = cache.ping().await.unwrap_err();
    assert!(
        !reason.contains("wrong-secret") && reason.to_lowercase().contains("password"),
        "{reason}"
    );
    misses(&cache, "with a wrong password").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_failure_is_a_miss_in_time() {
    let stack = stack().await;
    let (cache, metrics) = open(&stack.redis().url());
    let value = Bytes::from_static(b"value");
    cache.put("key", value.clone(), HOUR).await;
    assert_eq!(cache.find("key").await, Some(value.clone()));

    stack.redis().freeze().unwrap();
    misses(&cache, "while it is frozen").await;
    let start = Instant::now();
    for _ in 0..1000 {
        assert_eq!(cache.find("key").await, None);
    }
    assert!(
        start.elapsed() < 30 * PROMPT,
        "an absent cache is not waited for a thousand times"
    );
    stack.redis().thaw().unwrap();
    returns(&cache).await;
    assert_eq!(
        cache.find("key").await,
        Some(value.clone()),
        "it is used again"
    );

    stack.redis().kill().unwrap();
    misses(&cache, "while it is dead").await;
    stack.redis().restart_empty().unwrap();
    returns(&cache).await;
    assert_eq!(cache.find("key").await, None, "it has forgotten");
    cache.put("key", value.clone(), HOUR).await;
    assert_eq!(cache.find("key").await, Some(value), "and keeps what comes");
    assert_eq!(
        metrics.reconnects.with_label_values(&["cache"]).get(),
        2,
        "each return is counted once"
    );
}
