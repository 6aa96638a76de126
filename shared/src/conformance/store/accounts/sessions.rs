//! Sessions of users.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::acting::{ROUNDS, added, at_once, entries, only_entry};
use crate::account::{Action, NewSession, Role, User};
use crate::clock::{Clock as _, Manual, System};
use crate::conformance::samples::{account, actor};
use crate::conformance::store::fixture::Fixture;
use crate::store::{Refreshed, SessionStanding, Store, UserChange};

/// How long sessions live here.
const TERM: TimeDelta = TimeDelta::days(7);

/// A session for a user, not opened yet.
fn session(clock: &Manual, user: &User) -> NewSession {
    NewSession {
        id: clock.new_id(),
        user_id: user.id,
        refresh_id: clock.new_id(),
        expires_at: clock.now() + TERM,
    }
}

/// An open session of a user whose password is as it was at first.
pub(super) async fn opened(store: &Store, clock: &Manual, user: &User) -> NewSession {
    let session = session(clock, user);
    let opened = store
        .sessions
        .open(&session, &format!("hash of {}", user.name), &actor())
        .await
        .unwrap();
    assert!(opened, "the user is enabled and has that password");
    session
}

async fn refresh(
    store: &Store,
    id: Uuid,
    presented: Uuid,
    next: Uuid,
    until: DateTime<Utc>,
) -> Refreshed {
    store
        .sessions
        .refresh(id, presented, next, until, &actor())
        .await
        .unwrap()
}

async fn is_live(store: &Store, id: Uuid) -> bool {
    store
        .sessions
        .standing(id)
        .await
        .unwrap()
        .is_some_and(|standing| standing.live)
}

/// A session lives until somebody ends it or its time has come, and refreshing gives it more.
///
/// # Panics
/// When a promise is broken.
pub async fn a_session_lives_until_it_ends_or_expires(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let ada = added(&store, "ada", Role::Viewer).await;
    let stranger = System.new_id();
    assert_eq!(store.sessions.standing(stranger).await.unwrap(), None);
    assert!(!store.sessions.end(stranger, &actor()).await.unwrap());
    assert_eq!(
        refresh(
            &store,
            stranger,
            stranger,
            clock.new_id(),
            clock.now() + TERM
        )
        .await,
        Refreshed::Over
    );

    let first = opened(&store, &clock, &ada).await;
    assert!(
        store
            .sessions
            .open(&first, "hash of ada", &actor())
            .await
            .unwrap(),
        "opening it again"
    );
    let detail = json!({"user": "ada"});
    assert_eq!(
        only_entry(&store, Action::SessionOpened).await,
        (first.id.to_string(), detail.clone()),
        "is one login"
    );
    let standing = store.sessions.standing(first.id).await.unwrap();
    assert_eq!(
        standing,
        Some(SessionStanding {
            user: ada.clone(),
            live: true
        })
    );

    assert!(store.sessions.end(first.id, &actor()).await.unwrap());
    assert!(
        !store.sessions.end(first.id, &actor()).await.unwrap(),
        "it has ended already"
    );
    assert_eq!(
        only_entry(&store, Action::SessionEnded).await,
        (first.id.to_string(), detail)
    );
    let standing = store.sessions.standing(first.id).await.unwrap();
    assert_eq!(
        standing,
        Some(SessionStanding {
            user: ada.clone(),
            live: false
        })
    );
    let late = refresh(
        &store,
        first.id,
        first.refresh_id,
        clock.new_id(),
        clock.now() + TERM,
    )
    .await;
    assert_eq!(late, Refreshed::Over);

    let second = opened(&store, &clock, &ada).await;
    clock.advance(TERM - TimeDelta::microseconds(1));
    assert!(is_live(&store, second.id).await);
    let (next, until) = (clock.new_id(), clock.now() + TERM);
    assert_eq!(
        refresh(&store, second.id, second.refresh_id, next, until).await,
        Refreshed::Traded(ada)
    );
    clock.advance(TERM - TimeDelta::microseconds(1));
    assert!(
        is_live(&store, second.id).await,
        "it has the time of the next token"
    );
    clock.advance(TimeDelta::microseconds(1));
    assert!(!is_live(&store, second.id).await, "its time has come");
    let late = refresh(&store, second.id, next, clock.new_id(), clock.now() + TERM).await;
    assert_eq!(late, Refreshed::Over);
    assert_eq!(entries(&store, Action::SessionReused).await, []);
}

/// Whoever brings a token of this session that is not the current one holds an old one: the session
/// ends for both. Who repeats a call whose answer got lost does not.
///
/// # Panics
/// When a promise is broken.
pub async fn a_refresh_token_that_comes_again_ends_its_session(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let ada = added(&store, "ada", Role::Viewer).await;
    let until = clock.now() + TERM;
    let traded = Refreshed::Traded(ada.clone());
    let session = opened(&store, &clock, &ada).await;
    let (second, third) = (clock.new_id(), clock.new_id());
    assert_eq!(
        refresh(&store, session.id, session.refresh_id, second, until).await,
        traded
    );
    assert_eq!(
        refresh(&store, session.id, session.refresh_id, second, until).await,
        traded,
        "the same call"
    );
    assert_eq!(
        refresh(&store, session.id, second, third, until).await,
        traded
    );
    assert_eq!(
        refresh(&store, session.id, second, clock.new_id(), until).await,
        Refreshed::Reused
    );
    let reused = only_entry(&store, Action::SessionReused).await;
    assert_eq!(reused, (session.id.to_string(), json!({"user": "ada"})));
    assert!(!is_live(&store, session.id).await);
    assert_eq!(
        refresh(&store, session.id, third, clock.new_id(), until).await,
        Refreshed::Over,
        "for both of them"
    );
    assert_eq!(
        refresh(&store, session.id, second, clock.new_id(), until).await,
        Refreshed::Over
    );

    let (guessed, other) = (
        opened(&store, &clock, &ada).await,
        opened(&store, &clock, &ada).await,
    );
    let foreign = refresh(&store, guessed.id, other.refresh_id, clock.new_id(), until).await;
    assert_eq!(
        foreign,
        Refreshed::Reused,
        "one that was never this session's"
    );
    assert!(!is_live(&store, guessed.id).await);
    assert!(is_live(&store, other.id).await, "other sessions go on");
    assert_eq!(
        entries(&store, Action::SessionReused).await.len(),
        2,
        "one entry for each session"
    );
}

/// Of many refreshes with the same token at once one is traded, the second one ends the session.
///
/// # Panics
/// When a promise is broken.
pub async fn of_many_refreshes_at_once_one_is_traded(fixture: Fixture) {
    const AT_ONCE: usize = 6;
    let Fixture { store, clock } = fixture;
    let ada = added(&store, "ada", Role::Viewer).await;
    let until = clock.now() + TERM;
    for round in 1..=ROUNDS {
        let session = opened(&store, &clock, &ada).await;
        let answers = at_once(AT_ONCE, |_| {
            let (store, next) = (store.clone(), clock.new_id());
            async move { refresh(&store, session.id, session.refresh_id, next, until).await }
        });
        let answers = answers.await;
        let count = |wanted| answers.iter().filter(|answer| **answer == wanted).count();
        let counts = (
            count(Refreshed::Traded(ada.clone())),
            count(Refreshed::Reused),
            count(Refreshed::Over),
        );
        assert_eq!(counts, (1, 1, AT_ONCE - 2), "{answers:?}");
        assert!(!is_live(&store, session.id).await);
        assert_eq!(entries(&store, Action::SessionReused).await.len(), round);
    }
}

/// Between a look at the password and the session, the user may have been disabled or got another
/// password.
///
/// # Panics
/// When a promise is broken.
pub async fn only_a_verified_user_opens_a_session(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let ada = added(&store, "ada", Role::Viewer).await;
    let change = async |change| {
        store
            .users
            .change(&account("ada"), &change, &actor())
            .await
            .unwrap();
    };
    let open = async |user: &User, hash: &str| {
        let session = session(&clock, user);
        let opened = store.sessions.open(&session, hash, &actor()).await.unwrap();
        assert_eq!(
            store.sessions.standing(session.id).await.unwrap().is_some(),
            opened
        );
        opened
    };
    assert!(!open(&ada, "hash of bob").await);
    assert!(
        !open(
            &User {
                id: clock.new_id(),
                ..ada.clone()
            },
            "hash of ada"
        )
        .await,
        "there is no such user"
    );
    change(UserChange::Disabled(true)).await;
    assert!(!open(&ada, "hash of ada").await);
    change(UserChange::Disabled(false)).await;
    change(UserChange::Password("another".to_owned())).await;
    assert!(!open(&ada, "hash of ada").await);
    assert_eq!(entries(&store, Action::SessionOpened).await, []);
    assert!(open(&ada, "another").await);
}

/// A new password ends every session that the old one opened, also those that are opened at that
/// moment.
///
/// # Panics
/// When a promise is broken.
pub async fn logins_beside_a_new_password_leave_no_session(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let ada = added(&store, "ada", Role::Viewer).await;
    for round in 0..ROUNDS {
        let sessions: Vec<_> = (0..5).map(|_| session(&clock, &ada)).collect();
        let hashes = if round % 2 == 0 {
            ["hash of ada", "another"]
        } else {
            ["another", "hash of ada"]
        };
        let changes = at_once(sessions.len() + 1, |place| {
            let (store, login) = (store.clone(), sessions.get(place).cloned());
            async move {
                if let Some(session) = login {
                    store
                        .sessions
                        .open(&session, hashes[0], &actor())
                        .await
                        .unwrap();
                } else {
                    let wanted = UserChange::Password(hashes[1].to_owned());
                    store
                        .users
                        .change(&account("ada"), &wanted, &actor())
                        .await
                        .unwrap();
                }
            }
        });
        changes.await;
        for session in sessions {
            assert!(!is_live(&store, session.id).await);
        }
    }
}
