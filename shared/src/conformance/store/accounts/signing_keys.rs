//! Keys that sign tokens.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::acting::{added, at_once, entries, only_entry, warm_up};
use super::sessions::opened;
use crate::account::{Action, Role};
use crate::clock::Clock as _;
use crate::conformance::samples::actor;
use crate::conformance::store::fixture::Fixture;
use crate::store::{CleanedUp, Store};

const HOUR: Duration = Duration::from_hours(1);

/// Every key with its expiry, the newest first.
async fn expiries(store: &Store) -> Vec<(Uuid, Option<DateTime<Utc>>)> {
    store
        .signing_keys
        .list()
        .await
        .unwrap()
        .into_iter()
        .map(|key| (key.id, key.expires_at))
        .collect()
}

/// However many processes start beside an empty store, they sign with one key.
///
/// # Panics
/// When a promise is broken.
pub async fn many_who_ask_at_once_get_one_key(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    warm_up(&store).await;
    let asked = at_once(8, |_| {
        let keys = store.signing_keys.clone();
        async move { keys.current(&actor()).await.unwrap() }
    });
    let got = asked.await;
    let keys = store.signing_keys.list().await.unwrap();
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert_eq!(
        (keys[0].created_at, keys[0].expires_at),
        (clock.now(), None)
    );
    assert!(got.iter().all(|key| *key == keys[0]));
    assert_eq!(
        only_entry(&store, Action::KeyRotated).await,
        (keys[0].id.to_string(), json!({}))
    );
}

/// After a rotation the new key signs; the others are believed for the grace, and never longer than
/// before.
///
/// # Panics
/// When a promise is broken.
pub async fn rotation_gives_the_other_keys_a_grace(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let keys = &store.signing_keys;
    let start = clock.now();
    let first = keys.current(&actor()).await.unwrap();
    let second = keys.rotate(HOUR, &actor()).await.unwrap();
    assert_eq!(
        keys.current(&actor()).await.unwrap(),
        second,
        "it signs at once"
    );
    assert_eq!(
        expiries(&store).await,
        [(second.id, None), (first.id, Some(start + HOUR))]
    );
    let newest = entries(&store, Action::KeyRotated).await.remove(0);
    assert_eq!(newest.target, second.id.to_string());
    assert_eq!(json!(newest.detail), json!({"grace_seconds": 3600}));

    clock.advance(TimeDelta::minutes(30));
    let third = keys.rotate(HOUR, &actor()).await.unwrap();
    let later = clock.now() + HOUR;
    let expected = [
        (third.id, None),
        (second.id, Some(later)),
        (first.id, Some(start + HOUR)),
    ];
    assert_eq!(
        expiries(&store).await,
        expected,
        "who was to go sooner goes sooner"
    );
    let fourth = keys.rotate(Duration::ZERO, &actor()).await.unwrap();
    let now = Some(clock.now());
    let expected = [
        (fourth.id, None),
        (third.id, now),
        (second.id, now),
        (first.id, now),
    ];
    assert_eq!(
        expiries(&store).await,
        expected,
        "without a grace all go now"
    );

    // Of two who rotate at once, one signs in the end.
    let by = actor();
    let (one, other) = tokio::join!(keys.rotate(HOUR, &by), keys.rotate(HOUR, &by));
    let current = keys.current(&actor()).await.unwrap();
    assert!([one.unwrap().id, other.unwrap().id].contains(&current.id));
    let forever = expiries(&store)
        .await
        .into_iter()
        .filter(|(_, expiry)| expiry.is_none())
        .count();
    assert_eq!(forever, 1);
}

/// A new key signs from its making on, also when the clock of whoever makes it is behind.
///
/// # Panics
/// When a promise is broken.
pub async fn a_slow_clock_makes_keys_that_sign(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let keys = &store.signing_keys;
    let mut made = vec![keys.current(&actor()).await.unwrap().id];
    for back in [TimeDelta::minutes(5), TimeDelta::zero(), TimeDelta::days(1)] {
        clock.advance(-back);
        let key = keys.rotate(HOUR, &actor()).await.unwrap();
        made.insert(0, key.id);
        assert_eq!(keys.current(&actor()).await.unwrap(), key);
    }
    let listed: Vec<_> = expiries(&store)
        .await
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    assert_eq!(listed, made);
}

/// Expired keys go, and sessions that were over for a day; nothing else does, and nothing is said
/// of nothing.
///
/// # Panics
/// When a promise is broken.
pub async fn what_is_over_is_cleaned_up(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let keys = &store.signing_keys;
    let ada = added(&store, "ada", Role::Viewer).await;
    let nothing = CleanedUp {
        keys: 0,
        sessions: 0,
    };
    assert_eq!(keys.clean_up(&actor()).await.unwrap(), nothing);
    keys.current(&actor()).await.unwrap();
    let signing = keys.rotate(HOUR, &actor()).await.unwrap();
    let (ended, expired) = (
        opened(&store, &clock, &ada).await,
        opened(&store, &clock, &ada).await,
    );
    store.sessions.end(ended.id, &actor()).await.unwrap();
    clock.advance(TimeDelta::hours(1) - TimeDelta::microseconds(1));
    assert_eq!(
        keys.clean_up(&actor()).await.unwrap(),
        nothing,
        "it is believed to the last moment"
    );
    clock.advance(TimeDelta::microseconds(1));
    assert_eq!(
        keys.clean_up(&actor()).await.unwrap(),
        CleanedUp {
            keys: 1,
            sessions: 0
        }
    );
    assert_eq!(expiries(&store).await, [(signing.id, None)]);
    assert_eq!(
        only_entry(&store, Action::KeysCleaned).await.1,
        json!({"keys": 1, "sessions": 0})
    );

    clock.advance(TimeDelta::hours(23));
    assert_eq!(
        keys.clean_up(&actor()).await.unwrap(),
        nothing,
        "a day after its end it is there still"
    );
    clock.advance(TimeDelta::microseconds(1));
    assert_eq!(
        keys.clean_up(&actor()).await.unwrap(),
        CleanedUp {
            keys: 0,
            sessions: 1
        }
    );
    assert_eq!(store.sessions.standing(ended.id).await.unwrap(), None);
    clock.advance(TimeDelta::days(7));
    let live = opened(&store, &clock, &ada).await;
    assert_eq!(
        keys.clean_up(&actor()).await.unwrap(),
        CleanedUp {
            keys: 0,
            sessions: 1
        },
        "the one that expired"
    );
    assert_eq!(store.sessions.standing(expired.id).await.unwrap(), None);
    assert!(
        store
            .sessions
            .standing(live.id)
            .await
            .unwrap()
            .unwrap()
            .live
    );
    assert_eq!(keys.current(&actor()).await.unwrap(), signing);
    assert_eq!(
        entries(&store, Action::KeysCleaned).await.len(),
        3,
        "nothing is said of nothing"
    );
}
