//! How the checks add users, run races and read the audit log.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Barrier;
use uuid::Uuid;

use crate::account::audit::AuditFilter;
use crate::account::{Action, AuditEntry, Role, User};
use crate::conformance::samples::{actor, user};
use crate::store::Store;

/// How often what is a race is run: the first rounds are spent with opening connections.
pub(super) const ROUNDS: usize = 10;

/// Does something several times at the same moment, and gives what came of it.
pub(super) async fn at_once<T, F>(times: usize, each: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(times));
    let tasks: Vec<_> = (0..times)
        .map(|number| {
            let (start, one) = (start.clone(), each(number));
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
pub(super) async fn warm_up(store: &Store) {
    for _ in 0..ROUNDS {
        let uses = at_once(8, |_| {
            let tokens = store.service_tokens.clone();
            async move { tokens.note_use(Uuid::nil()).await }
        });
        assert!(uses.await.iter().all(Result::is_ok));
    }
}

/// Adds a user.
pub(super) async fn added(store: &Store, name: &str, role: Role) -> User {
    store
        .users
        .add(&user(name, role), &actor())
        .await
        .unwrap()
        .expect("the name is free")
}

/// The entries of this kind, from the newest to the oldest.
pub(super) async fn entries(store: &Store, action: Action) -> Vec<AuditEntry> {
    let filter = AuditFilter {
        action: Some(action),
        ..AuditFilter::default()
    };
    store.audit.list(&filter, 100).await.unwrap()
}

/// What stands in the only entry of this kind: its target and its detail.
pub(super) async fn only_entry(store: &Store, action: Action) -> (String, Value) {
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
