//! What a cache promises, besides that it may forget.

use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;

use crate::cache::Cache;

const MINUTE: Duration = Duration::from_mins(1);

/// Checks an empty cache. `advance` lets time pass for it.
///
/// # Panics
/// When a promise is broken.
pub async fn check(cache: &dyn Cache, advance: impl AsyncFn(TimeDelta)) {
    cache.ping().await.expect("a cache that is there answers");
    assert_eq!(cache.find("a").await, None, "nothing is found before it is put");

    cache.put("a", Bytes::from_static(b"1"), MINUTE).await;
    cache.put("b", Bytes::from_static(b"2"), MINUTE * 10).await;
    assert_eq!(cache.find("b").await.as_deref(), Some(&b"2"[..]), "keys do not disturb each other");
    assert_eq!(cache.find("a").await.as_deref(), Some(&b"1"[..]), "what was put is found");

    cache.put("a", Bytes::from_static(b"3"), MINUTE).await;
    assert_eq!(cache.find("a").await.as_deref(), Some(&b"3"[..]), "the last put wins");

    advance(TimeDelta::seconds(61)).await;
    assert_eq!(cache.find("a").await, None, "what expired is gone");
    assert_eq!(cache.find("b").await.as_deref(), Some(&b"2"[..]), "what has not expired stays");
}
