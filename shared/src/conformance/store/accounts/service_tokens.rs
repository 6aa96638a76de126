//! Service tokens.

use chrono::TimeDelta;
use serde_json::json;

use super::acting::{at_once, entries, only_entry};
use crate::account::secret::TokenHash;
use crate::account::{Action, NewServiceToken, Role};
use crate::clock::{Clock as _, Manual};
use crate::conformance::samples::{account, actor};
use crate::conformance::store::fixture::Fixture;

/// A token whose secret is its name.
fn token(clock: &Manual, name: &str) -> NewServiceToken {
    NewServiceToken {
        id: clock.new_id(),
        name: account(name),
        role: Role::Developer,
        requests_per_minute: Some(90),
        expires_at: Some(clock.now() + TimeDelta::days(30)),
        hash: TokenHash::of(name),
    }
}

/// Tokens come back whole, with the hash of their secret, in pages.
///
/// # Panics
/// When a promise is broken.
pub async fn service_tokens_are_added_found_and_listed(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let tokens = &store.service_tokens;
    let new = token(&clock, "ci");
    assert!(tokens.find(new.id).await.unwrap().is_none());
    let added = tokens
        .add(&new, &actor())
        .await
        .unwrap()
        .expect("the name is free");
    assert_eq!(
        (added.id, &added.name, added.role),
        (new.id, &new.name, new.role)
    );
    assert_eq!(
        (added.requests_per_minute, added.expires_at),
        (new.requests_per_minute, new.expires_at)
    );
    assert_eq!(
        (added.created_at, &added.created_by),
        (clock.now(), &actor().name)
    );
    assert_eq!((added.last_used_at, added.revoked_at), (None, None));
    let detail = json!({"id": added.id, "role": "developer", "expires_at": added.expires_at});
    assert_eq!(
        only_entry(&store, Action::TokenCreated).await,
        ("ci".to_owned(), detail)
    );
    let (found, hash) = tokens.find(new.id).await.unwrap().unwrap();
    assert_eq!(found, added);
    assert!(hash.matches("ci") && !hash.matches("cd"));

    let mut all = vec![added];
    for name in ["a", "b", "c"] {
        // Of two that were made at the same moment, the later one comes first too.
        clock.advance(TimeDelta::seconds(i64::from(name != "c")));
        let unlimited = NewServiceToken {
            requests_per_minute: None,
            expires_at: None,
            ..token(&clock, name)
        };
        all.insert(0, tokens.add(&unlimited, &actor()).await.unwrap().unwrap());
    }
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = tokens.list(before, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some((last.created_at, last.id));
        seen.extend(page);
    }
    assert_eq!(seen, all);
    clock.advance(TimeDelta::days(31));
    assert!(
        tokens.find(new.id).await.unwrap().is_some(),
        "also when it has expired"
    );
}

/// A name is free again when its token is revoked, and not before; of many who want it at once, one
/// gets it.
///
/// # Panics
/// When a promise is broken.
pub async fn service_tokens_that_can_be_used_have_different_names(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    for round in 1..=2 {
        let wishes = at_once(6, |_| {
            let (tokens, new) = (store.service_tokens.clone(), token(&clock, "ci"));
            async move { tokens.add(&new, &actor()).await.unwrap() }
        });
        let given: Vec<_> = wishes.await.into_iter().flatten().collect();
        assert_eq!(given.len(), 1, "{given:?}");
        assert_eq!(
            store.service_tokens.list(None, 10).await.unwrap().len(),
            round
        );
        assert_eq!(entries(&store, Action::TokenCreated).await.len(), round);
        store
            .service_tokens
            .revoke(given[0].id, &actor())
            .await
            .unwrap();
    }
}

/// A token gets other secrets until it is revoked, and then never again.
///
/// # Panics
/// When a promise is broken.
pub async fn a_revoked_token_stays_revoked(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let tokens = &store.service_tokens;
    let new = token(&clock, "ci");
    assert_eq!(
        tokens.rotate(new.id, new.hash, &actor()).await.unwrap(),
        None,
        "there is none"
    );
    assert_eq!(tokens.revoke(new.id, &actor()).await.unwrap(), None);
    let added = tokens.add(&new, &actor()).await.unwrap().unwrap();
    for _ in 0..2 {
        let rotated = tokens
            .rotate(new.id, TokenHash::of("next"), &actor())
            .await
            .unwrap();
        assert_eq!(rotated.as_ref(), Some(&added));
    }
    let detail = json!({"id": new.id});
    assert_eq!(
        only_entry(&store, Action::TokenRotated).await,
        ("ci".to_owned(), detail.clone()),
        "the second is none"
    );
    let (_, hash) = tokens.find(new.id).await.unwrap().unwrap();
    assert!(
        hash.matches("next") && !hash.matches("ci"),
        "only the new secret counts"
    );

    let since = clock.now();
    for _ in 0..2 {
        let revoked = tokens.revoke(new.id, &actor()).await.unwrap().unwrap();
        assert_eq!(revoked.revoked_at, Some(since), "since the first time");
        clock.advance(TimeDelta::seconds(1));
    }
    assert_eq!(
        only_entry(&store, Action::TokenRevoked).await,
        ("ci".to_owned(), detail)
    );
    assert_eq!(
        tokens
            .rotate(new.id, TokenHash::of("later"), &actor())
            .await
            .unwrap(),
        None
    );
    let (found, hash) = tokens
        .find(new.id)
        .await
        .unwrap()
        .expect("it is found all the same");
    assert_eq!(found.revoked_at, Some(since));
    assert!(hash.matches("next"), "nothing changed");
}

/// Uses are noted to the minute, and never go back.
///
/// # Panics
/// When a promise is broken.
pub async fn a_use_is_noted_to_the_minute(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let new = token(&clock, "ci");
    store.service_tokens.add(&new, &actor()).await.unwrap();
    let beginning = clock.now();
    let used = async || {
        store.service_tokens.note_use(new.id).await.unwrap();
        let (token, _) = store.service_tokens.find(new.id).await.unwrap().unwrap();
        token
            .last_used_at
            .map(|at| (at - beginning).num_milliseconds())
    };
    clock.advance(TimeDelta::milliseconds(61_500));
    assert_eq!(used().await, Some(60_000));
    clock.advance(TimeDelta::milliseconds(58_499));
    assert_eq!(used().await, Some(60_000));
    clock.advance(TimeDelta::milliseconds(1));
    assert_eq!(used().await, Some(120_000));
    clock.advance(TimeDelta::minutes(-1));
    assert_eq!(
        used().await,
        Some(120_000),
        "another process may have a slower clock"
    );
    store
        .service_tokens
        .note_use(clock.new_id())
        .await
        .expect("nobody's use is no fault");
}
