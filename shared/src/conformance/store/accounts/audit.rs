//! The audit log.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;

use super::acting::{added, entries, only_entry};
use super::sessions::opened;
use crate::account::audit::AuditFilter;
use crate::account::secret::TokenHash;
use crate::account::{Action, Actor, NewServiceToken, Role};
use crate::baseline::NewBaseline;
use crate::clock::Clock as _;
use crate::conformance::samples::{account, actor, baseline, submission, user};
use crate::conformance::store::fixture::Fixture;
use crate::store::UserChange;

/// Entries say who did what when and from where; filters hold, and pages follow each other without
/// gap or overlap.
///
/// # Panics
/// When a promise is broken.
pub async fn audit_entries_are_found_and_listed(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let start = clock.now();
    // Names of actors come from outside, and may hold anything.
    let stranger = Actor {
        name: "token:a\0b".to_owned(),
        address: Some([192, 0, 2, 7].into()),
    };
    for (second, by) in (0_i64..).zip([
        Actor::command(),
        stranger.clone(),
        Actor::command(),
        stranger.clone(),
    ]) {
        let name = format!("user-{second}");
        store
            .users
            .add(&user(&name, Role::Viewer), &by)
            .await
            .unwrap();
        store
            .users
            .change(&account(&name), &UserChange::Disabled(true), &by)
            .await
            .unwrap();
        clock.advance(TimeDelta::seconds(1));
    }
    let all = store
        .audit
        .list(&AuditFilter::default(), 100)
        .await
        .unwrap();
    let told: Vec<_> = all
        .iter()
        .map(|entry| ((entry.at - start).num_seconds(), entry.action))
        .collect();
    let moments =
        [3, 2, 1, 0].map(|second| [(second, Action::UserDisabled), (second, Action::UserAdded)]);
    assert_eq!(
        told,
        moments.concat(),
        "the newest first, also within a moment"
    );
    assert_eq!(
        (all[0].address.as_deref(), all[0].target.as_str()),
        (Some("192.0.2.7"), "user-3")
    );
    assert_eq!(
        (all[2].address.as_deref(), all[2].actor.as_str()),
        (None, "command")
    );

    let mut filter = AuditFilter::default();
    let mut seen = Vec::new();
    loop {
        let page = store.audit.list(&filter, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        filter.before = Some((last.at, last.id));
        seen.extend(page);
    }
    assert_eq!(seen, all);

    let by_stranger = AuditFilter {
        actor: Some(stranger.name),
        ..AuditFilter::default()
    };
    assert_eq!(
        store.audit.list(&by_stranger, 100).await.unwrap(),
        [&all[..2], &all[4..6]].concat()
    );
    let both = AuditFilter {
        action: Some(Action::UserAdded),
        ..by_stranger
    };
    assert_eq!(
        store.audit.list(&both, 100).await.unwrap(),
        [all[1].clone(), all[5].clone()]
    );
    assert_eq!(entries(&store, Action::SessionOpened).await, []);
}

/// A baseline is in the log when it is new, with where it came from.
///
/// # Panics
/// When a promise is broken.
pub async fn baselines_are_audited_once(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let source_job = submission(&*clock).job_id;
    let promotion = NewBaseline {
        source_job: Some(source_job),
        ..baseline(100.0)
    };
    let (promoted, _) = store.baselines.insert(&promotion, &actor()).await.unwrap();
    store.baselines.insert(&promotion, &actor()).await.unwrap();
    let agent_type = promotion.agent_type;
    let detail = json!({"agent_type": agent_type, "environment": "CartPole-v1", "rank": 1, "source_job": source_job});
    assert_eq!(
        only_entry(&store, Action::BaselineAdded).await,
        (promoted.id.to_string(), detail)
    );

    let (second, _) = store
        .baselines
        .insert(&baseline(50.0), &actor())
        .await
        .unwrap();
    let entry = entries(&store, Action::BaselineAdded).await.remove(0);
    assert_eq!(entry.target, second.id.to_string());
    let members: Vec<_> = entry.detail.keys().map(String::as_str).collect();
    assert_eq!(
        (members.as_slice(), &entry.detail["rank"]),
        (&["agent_type", "environment", "rank"][..], &json!(2))
    );
}

/// Whatever is done with secrets, neither they nor their hashes are in the log.
///
/// # Panics
/// When a promise is broken.
pub async fn the_audit_log_holds_no_secret(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let ada = added(&store, "ada", Role::Admin).await;
    let session = opened(&store, &clock, &ada).await;
    let next = clock.new_id();
    store
        .sessions
        .refresh(
            session.id,
            session.refresh_id,
            next,
            session.expires_at,
            &actor(),
        )
        .await
        .unwrap();
    store
        .sessions
        .refresh(
            session.id,
            session.refresh_id,
            clock.new_id(),
            session.expires_at,
            &actor(),
        )
        .await
        .unwrap();
    store
        .users
        .change(
            &account("ada"),
            &UserChange::Password("hash of a new one".to_owned()),
            &actor(),
        )
        .await
        .unwrap();
    let (first, second) = (TokenHash::of("first"), TokenHash::of("second"));
    let token = NewServiceToken {
        id: clock.new_id(),
        name: account("ci"),
        role: Role::Viewer,
        requests_per_minute: None,
        expires_at: None,
        hash: first,
    };
    store.service_tokens.add(&token, &actor()).await.unwrap();
    store
        .service_tokens
        .rotate(token.id, second, &actor())
        .await
        .unwrap();
    store
        .service_tokens
        .revoke(token.id, &actor())
        .await
        .unwrap();
    store
        .signing_keys
        .rotate(Duration::ZERO, &actor())
        .await
        .unwrap();

    let log = store
        .audit
        .list(&AuditFilter::default(), 100)
        .await
        .unwrap();
    assert_eq!(log.len(), 8, "{log:?}");
    let log = serde_json::to_string(&log).unwrap();
    let hashes = [first, second].map(|hash| serde_json::to_string(&hash).unwrap());
    let secrets = [
        session.refresh_id.to_string(),
        next.to_string(),
        "hash".to_owned(),
    ];
    for secret in hashes.iter().chain(&secrets) {
        assert!(!log.contains(secret.as_str()), "{secret} is in {log}");
    }
}
