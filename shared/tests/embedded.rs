//! The embedded adapters pass the suites of their ports.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use sqlx::sqlite::SqliteConnectOptions;
use tars_shared::account::audit::AuditFilter;
use tars_shared::account::secret::TokenHash;
use tars_shared::account::{NewServiceToken, NewSession, Role};
use tars_shared::clock::{Clock as _, Manual, System};
use tars_shared::conformance::store::Fixture;
use tars_shared::conformance::{self, cache, limiter, queue, samples, store};
use tars_shared::store::sqlite::Sqlite;
use tars_shared::store::{BaselineFilter, JobFilter, SessionStanding, UserChange};
use tars_shared::{cache as cache_port, limiter as limiter_port, queue as queue_port};

/// One test per check of the store's suite, each on its own file.
macro_rules! sqlite_passes {
    ($($check:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $check() {
                    let folder = tempfile::tempdir().unwrap();
                    let clock = Arc::new(super::Manual::new());
                    let opened = super::Sqlite::open(&folder.path().join("tars.db"), clock.clone()).await;
                    let store = opened.unwrap().into_store();
                    super::store::$check(super::Fixture { store, clock }).await;
                }
            )*
            use super::Arc;
        }
    };
}

tars_shared::every_store_check!(sqlite_passes);

/// One test per check of the queue's suite.
macro_rules! memory_queue_passes {
    ($($check:ident),* $(,)?) => {
        mod memory_queue {
            $(
                #[tokio::test]
                async fn $check() {
                    super::queue::$check(&super::queue_port::memory::Memory::default()).await;
                }
            )*
        }
    };
}

tars_shared::every_queue_check!(memory_queue_passes);

#[tokio::test]
async fn memory_cache() {
    let clock = Arc::new(Manual::new());
    let advance = async |by| clock.advance(TimeDelta::from_std(by).unwrap());
    cache::check(
        &cache_port::memory::Memory::new(clock.clone()),
        Duration::from_mins(1),
        advance,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_limiter() {
    let clock = Arc::new(Manual::new());
    let advance = async |by| clock.advance(TimeDelta::from_std(by).unwrap());
    let memory = Arc::new(limiter_port::memory::Memory::new(clock.clone()));
    limiter::check(memory.clone()).await;
    limiter::regains(&*memory, advance).await;
}

#[test]
fn system_clock() {
    conformance::clock::check(&System);
}

/// What another version wrote, or a disk spoilt, is passed over: it stands in nobody else's way.
#[tokio::test]
async fn sqlite_passes_over_rows_that_it_cannot_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tars.db");
    let clock = Arc::new(Manual::new());
    let store = Sqlite::open(&file, clock.clone())
        .await
        .unwrap()
        .into_store();
    let (spoilt, sound) = (samples::submission(&*clock), samples::submission(&*clock));
    store
        .jobs
        .insert(&[spoilt.clone(), sound.clone()])
        .await
        .unwrap();
    let pool = sqlx::SqlitePool::connect_with(SqliteConnectOptions::new().filename(&file))
        .await
        .unwrap();
    sqlx::query("UPDATE jobs SET parameters = '{}' WHERE id = $1")
        .bind(spoilt.job_id)
        .execute(&pool)
        .await
        .unwrap();
    let unpublished = [spoilt.job_id, sound.job_id];
    let marked = store.dispatches.mark_unpublished(&unpublished);
    marked.await.unwrap();
    let due = store
        .dispatches
        .take_due(Duration::ZERO, Duration::ZERO, 10);
    assert_eq!(due.await.unwrap(), std::slice::from_ref(&sound));
    let listed = store.jobs.list(&JobFilter::default(), 10).await.unwrap();
    assert_eq!(
        listed.iter().map(|job| job.id).collect::<Vec<_>>(),
        [sound.job_id]
    );
}

/// Whoever has the file may add to the log, and neither change nor remove what stands in it.
#[tokio::test]
async fn sqlite_refuses_to_change_the_audit_log() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tars.db");
    let store = Sqlite::open(&file, Arc::new(Manual::new()))
        .await
        .unwrap()
        .into_store();
    store.signing_keys.current(&samples::actor()).await.unwrap();
    let before = store.audit.list(&AuditFilter::default(), 10).await.unwrap();
    assert_eq!(before.len(), 1);
    let pool = sqlx::SqlitePool::connect_with(SqliteConnectOptions::new().filename(&file))
        .await
        .unwrap();
    for forbidden in [
        "UPDATE audit_log SET actor = 'user:eve'",
        "DELETE FROM audit_log",
        "INSERT OR REPLACE INTO audit_log SELECT id, at, 'user:eve', address, action, target, detail FROM audit_log",
        "INSERT INTO audit_log SELECT * FROM audit_log WHERE TRUE ON CONFLICT (id) DO UPDATE SET actor = 'user:eve'",
    ] {
        let refusal = sqlx::query(forbidden)
            .execute(&pool)
            .await
            .unwrap_err()
            .to_string();
        assert!(
            refusal.contains("the audit log is append-only"),
            "{forbidden}: {refusal}"
        );
    }
    assert_eq!(
        store.audit.list(&AuditFilter::default(), 10).await.unwrap(),
        before
    );
}

/// What cannot be audited is not done.
#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "every change that is audited, one after the other"
)]
async fn sqlite_changes_nothing_that_it_cannot_audit() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tars.db");
    let clock = Arc::new(Manual::new());
    let store = Sqlite::open(&file, clock.clone())
        .await
        .unwrap()
        .into_store();
    let (by, ada) = (samples::actor(), samples::account("ada"));
    let user = store
        .users
        .add(&samples::user("ada", Role::Viewer), &by)
        .await
        .unwrap()
        .unwrap();
    let session = |id| NewSession {
        id,
        user_id: user.id,
        refresh_id: id,
        expires_at: clock.now() + TimeDelta::days(1),
    };
    let (open, next) = (session(clock.new_id()), session(clock.new_id()));
    store
        .sessions
        .open(&open, "hash of ada", &by)
        .await
        .unwrap();
    let token = |id| NewServiceToken {
        id,
        name: samples::account(&format!("ci-{id}")),
        role: Role::Viewer,
        requests_per_minute: None,
        expires_at: None,
        hash: TokenHash::of("secret"),
    };
    let (there, new) = (token(clock.new_id()), token(clock.new_id()));
    let added = store
        .service_tokens
        .add(&there, &by)
        .await
        .unwrap()
        .unwrap();
    let keys = [store.signing_keys.current(&by).await.unwrap()];

    let pool = sqlx::SqlitePool::connect_with(SqliteConnectOptions::new().filename(&file))
        .await
        .unwrap();
    let full =
        "CREATE TRIGGER full BEFORE INSERT ON audit_log BEGIN SELECT RAISE(ABORT, 'full'); END";
    sqlx::query(full).execute(&pool).await.unwrap();
    let password = UserChange::Password("another".to_owned());
    assert!(
        store
            .users
            .add(&samples::user("bob", Role::Viewer), &by)
            .await
            .is_err()
    );
    assert!(store.users.change(&ada, &password, &by).await.is_err());
    assert!(
        store
            .sessions
            .open(&next, "hash of ada", &by)
            .await
            .is_err()
    );
    assert!(
        store
            .sessions
            .refresh(open.id, next.id, clock.new_id(), open.expires_at, &by)
            .await
            .is_err()
    );
    assert!(store.sessions.end(open.id, &by).await.is_err());
    assert!(store.service_tokens.add(&new, &by).await.is_err());
    assert!(
        store
            .service_tokens
            .rotate(there.id, TokenHash::of("another"), &by)
            .await
            .is_err()
    );
    assert!(store.service_tokens.revoke(there.id, &by).await.is_err());
    assert!(
        store
            .signing_keys
            .rotate(Duration::ZERO, &by)
            .await
            .is_err()
    );
    assert!(
        store
            .baselines
            .insert(&samples::baseline(1.0), &by)
            .await
            .is_err()
    );

    assert_eq!(
        store.users.list(None, 10).await.unwrap(),
        std::slice::from_ref(&user)
    );
    assert_eq!(
        store.users.credentials(&ada).await.unwrap(),
        Some((user.clone(), "hash of ada".to_owned()))
    );
    let standing = store.sessions.standing(open.id).await.unwrap();
    assert_eq!(
        standing,
        Some(SessionStanding {
            user: user.clone(),
            live: true
        })
    );
    assert_eq!(store.sessions.standing(next.id).await.unwrap(), None);
    assert_eq!(store.service_tokens.list(None, 10).await.unwrap(), [added]);
    let (_, hash) = store.service_tokens.find(there.id).await.unwrap().unwrap();
    assert!(hash.matches("secret"));
    assert_eq!(store.signing_keys.list().await.unwrap(), keys);
    assert_eq!(
        store
            .baselines
            .list(&BaselineFilter::default(), 10)
            .await
            .unwrap(),
        []
    );
}

/// A key that has expired signs nothing, even when there is no other.
#[tokio::test]
async fn sqlite_makes_a_key_when_all_have_expired() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tars.db");
    let clock = Arc::new(Manual::new());
    let store = Sqlite::open(&file, clock.clone())
        .await
        .unwrap()
        .into_store();
    let expired = store.signing_keys.current(&samples::actor()).await.unwrap();
    let pool = sqlx::SqlitePool::connect_with(SqliteConnectOptions::new().filename(&file))
        .await
        .unwrap();
    sqlx::query("UPDATE signing_keys SET expires_at = $1")
        .bind(clock.now())
        .execute(&pool)
        .await
        .unwrap();
    let signing = store.signing_keys.current(&samples::actor()).await.unwrap();
    assert_ne!(signing.id, expired.id);
    let listed = store.signing_keys.list().await.unwrap();
    assert_eq!(
        listed.iter().map(|key| key.id).collect::<Vec<_>>(),
        [signing.id, expired.id]
    );
}

/// What was up can go down, and up again.
#[tokio::test]
async fn sqlite_migrations_go_down_and_up_again() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("tars.db"))
        .create_if_missing(true);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let tables = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_sqlx%' ESCAPE '\\'";
    let migrations = &tars_shared::store::sqlite::MIGRATIONS;
    migrations.run(&pool).await.unwrap();
    let up: i64 = sqlx::query_scalar(tables).fetch_one(&pool).await.unwrap();
    assert!(up > 0);
    migrations.undo(&pool, 0).await.unwrap();
    let down: i64 = sqlx::query_scalar(tables).fetch_one(&pool).await.unwrap();
    assert_eq!(down, 0, "the downs take away all that the ups made");
    migrations.run(&pool).await.unwrap();
}
