//! Accounts: users, their sessions, service tokens, signing keys, and the audit log.

mod audit;
mod service_tokens;
mod sessions;
mod signing_keys;
mod users;

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Barrier;
use uuid::Uuid;

use crate::account::audit::AuditFilter;
use crate::account::{Action, AuditEntry, Role, User};
use crate::conformance::samples::{actor, user};
use crate::store::Store;

pub use audit::{
    audit_entries_are_found_and_listed, baselines_are_audited_once, the_audit_log_holds_no_secret,
};
pub use service_tokens::{
    a_revoked_token_stays_revoked, a_use_is_noted_to_the_minute,
    service_tokens_are_added_found_and_listed,
    service_tokens_that_can_be_used_have_different_names,
};
pub use sessions::{
    a_refresh_token_that_comes_again_ends_its_session, a_session_lives_until_it_ends_or_expires,
    logins_beside_a_new_password_leave_no_session, of_many_refreshes_at_once_one_is_traded,
    only_a_verified_user_opens_a_session,
};
pub use signing_keys::{
    a_slow_clock_makes_keys_that_sign, many_who_ask_at_once_get_one_key,
    rotation_gives_the_other_keys_a_grace, what_is_over_is_cleaned_up,
};
pub use users::{
    a_change_is_made_and_audited_once, a_reset_password_is_not_overwritten,
    admins_who_disable_each_other_leave_one, many_first_users_at_once_become_one,
    the_last_admin_stays, users_are_added_found_and_listed, what_takes_access_ends_sessions,
};

/// How often what is a race is run: the first rounds are spent with opening connections.
const ROUNDS: usize = 10;

/// Does something several times at the same moment, and gives what came of it.
async fn at_once<T, F>(times: usize, each: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(times));
    let tasks: Vec<_> = (0..times)
        .map(|place| {
            let (start, one) = (start.clone(), each(place));
            tokio::spawn(async move {
                start.wait().await;
                one.await
            })
        })
        .collect();
    let mut results = Vec::with_capacity(times);
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

/// Opens connections, so that a race that cannot be run twice does not begin with waiting for them.
async fn warm_up(store: &Store) {
    for _ in 0..ROUNDS {
        let uses = at_once(8, |_| {
            let tokens = store.service_tokens.clone();
            async move { tokens.note_use(Uuid::nil()).await }
        });
        assert!(uses.await.iter().all(Result::is_ok));
    }
}

/// Adds a user.
async fn added(store: &Store, name: &str, role: Role) -> User {
    store
        .users
        .add(&user(name, role), &actor())
        .await
        .unwrap()
        .expect("the name is free")
}

/// The entries of this kind, from the newest to the oldest.
async fn entries(store: &Store, action: Action) -> Vec<AuditEntry> {
    let filter = AuditFilter {
        action: Some(action),
        ..AuditFilter::default()
    };
    store.audit.list(&filter, 100).await.unwrap()
}

/// What stands in the only entry of this kind: its target and its detail.
async fn only_entry(store: &Store, action: Action) -> (String, Value) {
    let mut entries = entries(store, action).await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    let entry = entries.remove(0);
    assert_eq!(entry.actor, actor().name);
    assert_eq!(
        entry.address,
        actor().address.map(|address| address.to_string())
    );
    (entry.target, Value::Object(entry.detail))
}
