//! What a cache promises, besides that it may forget.

use std::time::Duration;

use bytes::Bytes;

use crate::cache::Cache;

/// Checks an empty cache. `advance` lets time pass for it; `unit` is the shortest time that
/// `advance` can well give. What is to be found is kept for thousands of units, so that no check
/// depends on the speed of the machine.
///
/// # Panics
/// When a promise is broken.
pub async fn check(cache: &dyn Cache, unit: Duration, advance: impl AsyncFn(Duration)) {
    let long = unit * 10_000;
    cache.ping().await.expect("a cache that is there answers");
    assert_eq!(
        cache.find("a").await,
        None,
        "nothing is found before it is put"
    );

    cache.put("a", Bytes::from_static(b"1"), long).await;
    cache.put("b", Bytes::from_static(b"2"), long).await;
    assert_eq!(
        cache.find("b").await.as_deref(),
        Some(&b"2"[..]),
        "keys do not disturb each other"
    );
    assert_eq!(
        cache.find("a").await.as_deref(),
        Some(&b"1"[..]),
        "what was put is found"
    );

    cache.put("a", Bytes::from_static(b"3"), long).await;
    assert_eq!(
        cache.find("a").await.as_deref(),
        Some(&b"3"[..]),
        "the last put wins"
    );

    cache.remove("a").await;
    assert_eq!(cache.find("a").await, None, "what was removed is gone");
    assert_eq!(
        cache.find("b").await.as_deref(),
        Some(&b"2"[..]),
        "and nothing else"
    );
    cache.remove("a").await;
    cache.put("a", Bytes::from_static(b"3"), long).await;
    assert_eq!(
        cache.find("a").await.as_deref(),
        Some(&b"3"[..]),
        "it may be put again"
    );

    let every_byte: Bytes = (0..=u8::MAX).cycle().take(100_000).collect();
    cache.put("bytes", every_byte.clone(), long).await;
    cache.put("nothing", Bytes::new(), long).await;
    assert_eq!(
        cache.find("bytes").await,
        Some(every_byte),
        "any bytes may be put"
    );
    assert_eq!(
        cache.find("nothing").await,
        Some(Bytes::new()),
        "nothing at all is something too"
    );

    cache.put("brief", Bytes::from_static(b"4"), unit).await;
    cache.put("a", Bytes::from_static(b"5"), unit).await;
    cache.put("prolonged", Bytes::from_static(b"6"), unit).await;
    cache.put("prolonged", Bytes::from_static(b"7"), long).await;
    advance(unit + unit / 10).await;
    assert_eq!(cache.find("brief").await, None, "what expired is gone");
    assert_eq!(
        cache.find("a").await,
        None,
        "the last put decides how long it is kept"
    );
    assert_eq!(
        cache.find("prolonged").await.as_deref(),
        Some(&b"7"[..]),
        "also when that is longer"
    );
    assert_eq!(
        cache.find("b").await.as_deref(),
        Some(&b"2"[..]),
        "what has not expired stays"
    );
}
