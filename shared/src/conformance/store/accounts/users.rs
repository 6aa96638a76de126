//! Users.

use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use super::acting::{ROUNDS, added, at_once, entries, only_entry, warm_up};
use super::sessions::opened;
use crate::account::{Action, Role};
use crate::clock::Clock as _;
use crate::conformance::samples::{account, actor, user};
use crate::conformance::store::fixture::Fixture;
use crate::store::{Store, UserChange, UserChanged};

/// Changes a user who is there.
async fn change(store: &Store, name: &str, change: UserChange) -> UserChanged {
    store
        .users
        .change(&account(name), &change, &actor())
        .await
        .unwrap()
        .expect("the user is there")
}

/// A name is given once, and pages follow each other without gap or overlap.
///
/// # Panics
/// When a promise is broken.
pub async fn users_are_added_found_and_listed(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let users = &store.users;
    assert_eq!(users.find(&account("ada")).await.unwrap(), None);
    assert_eq!(users.credentials(&account("ada")).await.unwrap(), None);
    let mut all = Vec::new();
    // Sorted as bytes, in every database and language.
    for name in ["7", "a-b", "a.c", "ab", "ada"] {
        all.push(added(&store, name, Role::Developer).await);
    }
    let ada = all[4].clone();
    assert_eq!(
        (&ada.name, ada.role, ada.created_at),
        (&account("ada"), Role::Developer, clock.now())
    );
    assert_eq!(ada.disabled_at, None);
    assert_eq!(
        users
            .add(&user("ada", Role::Admin), &actor())
            .await
            .unwrap(),
        None,
        "the name is taken"
    );
    assert_eq!(
        users.find(&account("ada")).await.unwrap().as_ref(),
        Some(&ada),
        "and nothing changed"
    );
    assert_eq!(
        users.credentials(&account("ada")).await.unwrap(),
        Some((ada, "hash of ada".to_owned()))
    );

    let mut seen = users.list(None, 2).await.unwrap();
    while let Some(last) = seen.last().map(|user| user.name.clone()) {
        let page = users.list(Some(&last), 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    assert_eq!(seen, all);
    let audited: Vec<_> = entries(&store, Action::UserAdded)
        .await
        .into_iter()
        .map(|entry| entry.target)
        .collect();
    assert_eq!(audited, ["ada", "ab", "a.c", "a-b", "7"], "once each");
}

/// However many processes start beside an empty store, there is one first user.
///
/// # Panics
/// When a promise is broken.
pub async fn many_first_users_at_once_become_one(fixture: Fixture) {
    let store = fixture.store;
    warm_up(&store).await;
    let starts = at_once(8, |process| {
        let users = store.users.clone();
        async move {
            users
                .add_first(&user(&format!("admin-{process}"), Role::Admin), &actor())
                .await
                .unwrap()
        }
    });
    let first: Vec<_> = starts.await.into_iter().flatten().collect();
    assert_eq!(first.len(), 1, "{first:?}");
    assert_eq!(store.users.list(None, 10).await.unwrap(), first);
    assert_eq!(
        only_entry(&store, Action::UserAdded).await,
        (first[0].name.to_string(), json!({"role": "admin"}))
    );
    assert_eq!(
        store
            .users
            .add_first(&user("late", Role::Admin), &actor())
            .await
            .unwrap(),
        None
    );
}

/// A change that is made already is not made again; of many who make the same at once, one does.
///
/// # Panics
/// When a promise is broken.
pub async fn a_change_is_made_and_audited_once(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let ada = added(&store, "ada", Role::Viewer).await;
    let nobody = store
        .users
        .change(&account("bob"), &UserChange::Role(Role::Admin), &actor())
        .await
        .unwrap();
    assert_eq!(nobody, None);
    for (wanted, action, target) in [
        (
            UserChange::Role(Role::Developer),
            Action::UserRole,
            json!({"was": "viewer", "role": "developer"}),
        ),
        (
            UserChange::Disabled(true),
            Action::UserDisabled,
            json!({"sessions_ended": 0}),
        ),
        (
            UserChange::Disabled(false),
            Action::UserEnabled,
            json!({"sessions_ended": 0}),
        ),
        (
            UserChange::Password("another".to_owned()),
            Action::UserPassword,
            json!({"sessions_ended": 0}),
        ),
    ] {
        clock.advance(TimeDelta::seconds(1));
        let done = at_once(6, |_| {
            let (store, wanted) = (store.clone(), wanted.clone());
            async move { change(&store, "ada", wanted).await }
        });
        assert!(
            done.await
                .iter()
                .all(|done| matches!(done, UserChanged::Done { .. }))
        );
        assert_eq!(only_entry(&store, action).await, ("ada".to_owned(), target));
    }
    let (user, hash) = store
        .users
        .credentials(&account("ada"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (user.id, user.role, user.disabled_at, hash.as_str()),
        (ada.id, Role::Developer, None, "another")
    );

    change(&store, "ada", UserChange::Disabled(true)).await;
    let since = clock.now();
    clock.advance(TimeDelta::hours(1));
    change(&store, "ada", UserChange::Disabled(true)).await;
    let ada = store.users.find(&account("ada")).await.unwrap().unwrap();
    assert_eq!(
        ada.disabled_at,
        Some(since),
        "disabled since the first time"
    );
}

/// Nobody takes the last way in, and a disabled admin is no way in.
///
/// # Panics
/// When a promise is broken.
pub async fn the_last_admin_stays(fixture: Fixture) {
    let store = fixture.store;
    let ada = added(&store, "ada", Role::Admin).await;
    added(&store, "bob", Role::Admin).await;
    added(&store, "eve", Role::Developer).await;
    assert!(matches!(
        change(&store, "bob", UserChange::Disabled(true)).await,
        UserChanged::Done { .. }
    ));
    for wanted in [
        UserChange::Role(Role::Viewer),
        UserChange::Role(Role::Developer),
        UserChange::Disabled(true),
    ] {
        assert_eq!(change(&store, "ada", wanted).await, UserChanged::LastAdmin);
    }
    assert_eq!(
        store.users.find(&account("ada")).await.unwrap(),
        Some(ada.clone()),
        "nothing changed"
    );
    assert_eq!(entries(&store, Action::UserRole).await, []);
    assert_eq!(
        entries(&store, Action::UserDisabled).await.len(),
        1,
        "bob's"
    );

    let unchanged = UserChanged::Done {
        user: ada,
        sessions: Vec::new(),
    };
    assert_eq!(
        change(&store, "ada", UserChange::Role(Role::Admin)).await,
        unchanged
    );
    for (name, wanted) in [
        ("ada", UserChange::Password("another".to_owned())),
        ("eve", UserChange::Disabled(true)),
        ("bob", UserChange::Role(Role::Viewer)),
        ("eve", UserChange::Role(Role::Admin)),
        ("eve", UserChange::Disabled(false)),
        ("ada", UserChange::Disabled(true)),
    ] {
        let done = change(&store, name, wanted.clone()).await;
        assert!(
            matches!(done, UserChanged::Done { .. }),
            "{name} {wanted:?}"
        );
    }
    assert_eq!(
        change(&store, "eve", UserChange::Disabled(true)).await,
        UserChanged::LastAdmin,
        "now she is the last"
    );
}

/// Admins who disable or demote each other at the same moment leave one.
///
/// # Panics
/// When a promise is broken.
pub async fn admins_who_disable_each_other_leave_one(fixture: Fixture) {
    const ADMINS: usize = 6;
    let store = fixture.store;
    for admin in 0..ADMINS {
        added(&store, &format!("admin-{admin}"), Role::Admin).await;
    }
    for round in 1..=ROUNDS {
        let changes = at_once(ADMINS, |admin| {
            let wanted = if admin % 2 == 0 {
                UserChange::Disabled(true)
            } else {
                UserChange::Role(Role::Viewer)
            };
            let store = store.clone();
            async move { change(&store, &format!("admin-{admin}"), wanted).await }
        });
        let refused = changes
            .await
            .iter()
            .filter(|changed| **changed == UserChanged::LastAdmin)
            .count();
        let users = store.users.list(None, 100).await.unwrap();
        let admins = users
            .iter()
            .filter(|user| user.role == Role::Admin && user.disabled_at.is_none())
            .count();
        assert_eq!((admins, refused), (1, 1));
        let disabled = entries(&store, Action::UserDisabled).await.len();
        let demoted = entries(&store, Action::UserRole)
            .await
            .iter()
            .filter(|entry| entry.detail["role"] == "viewer")
            .count();
        assert_eq!(
            disabled + demoted,
            round * (ADMINS - 1),
            "what was refused is not in the log"
        );
        for user in users {
            change(&store, user.name.as_str(), UserChange::Disabled(false)).await;
            change(&store, user.name.as_str(), UserChange::Role(Role::Admin)).await;
        }
    }
}

/// Disabling and a new password end sessions; another role leaves them and names them, for whoever
/// keeps copies.
///
/// # Panics
/// When a promise is broken.
pub async fn what_takes_access_ends_sessions(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let ada = added(&store, "ada", Role::Viewer).await;
    let bob = added(&store, "bob", Role::Viewer).await;
    let other = opened(&store, &clock, &bob).await;
    let live = async |id| store.sessions.standing(id).await.unwrap().unwrap().live;
    let password = |hash: &str| UserChange::Password(hash.to_owned());
    for (ending, undoing, action) in [
        (
            UserChange::Disabled(true),
            UserChange::Disabled(false),
            Action::UserDisabled,
        ),
        (
            password("another"),
            password("hash of ada"),
            Action::UserPassword,
        ),
    ] {
        let mut ids = Vec::new();
        for _ in 0..4 {
            ids.push(opened(&store, &clock, &ada).await.id);
        }
        store.sessions.end(ids.remove(0), &actor()).await.unwrap();
        assert_eq!(
            touched(&store, UserChange::Role(Role::Developer)).await,
            ids,
            "another role names the live ones"
        );
        for id in &ids {
            let standing = store.sessions.standing(*id).await.unwrap().unwrap();
            assert_eq!(
                (standing.user.role, standing.live),
                (Role::Developer, true),
                "and leaves them, with that role"
            );
        }
        assert_eq!(touched(&store, ending.clone()).await, ids);
        for id in &ids {
            assert!(!live(*id).await);
        }
        assert_eq!(
            only_entry(&store, action).await,
            ("ada".to_owned(), json!({"sessions_ended": 3}))
        );
        assert!(
            touched(&store, ending).await.is_empty(),
            "there are none left"
        );
        assert!(touched(&store, undoing).await.is_empty());
        for id in ids {
            assert!(!live(id).await, "what has ended stays so");
        }
    }
    assert!(live(other.id).await, "those of others go on");
}

/// A password that somebody else set meanwhile is not overwritten by one that was verified against
/// the old.
///
/// # Panics
/// When a promise is broken.
pub async fn a_reset_password_is_not_overwritten(fixture: Fixture) {
    let store = fixture.store;
    added(&store, "ada", Role::Viewer).await;
    let own = |verified: &str, new: &str| UserChange::OwnPassword {
        verified_hash: verified.to_owned(),
        hash: new.to_owned(),
    };
    assert!(matches!(
        change(&store, "ada", own("hash of ada", "her own")).await,
        UserChanged::Done { .. }
    ));
    change(&store, "ada", UserChange::Password("reset".to_owned())).await;
    assert_eq!(
        change(&store, "ada", own("her own", "a thief's")).await,
        UserChanged::OtherPassword
    );
    let (_, hash) = store
        .users
        .credentials(&account("ada"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(hash, "reset");
}

/// The sessions that a change of ada gives, in order.
async fn touched(store: &Store, wanted: UserChange) -> Vec<Uuid> {
    let UserChanged::Done { mut sessions, .. } = change(store, "ada", wanted).await else {
        panic!("ada is no admin");
    };
    sessions.sort_unstable();
    sessions
}
