//! `PostgreSQL` passes the store's suite, and does what only it can do.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use tars_chaos::Endpoints;
use tars_shared::account::audit::AuditFilter;
use tars_shared::clock::Manual;
use tars_shared::conformance::samples;
use tars_shared::conformance::store::{self, Fixture};
use tars_shared::metrics::Metrics;
use tars_shared::store::postgres::{MIGRATIONS, Postgres, Settings};

/// A fresh database on a real server.
fn database() -> String {
    Endpoints::for_suites().database().unwrap().url
}

fn settings(urls: &[String]) -> Settings {
    Settings {
        urls: urls.to_vec(),
        connections: 8,
        follow_database_clock: false,
    }
}

/// A migrated store in a database of its own.
async fn fixture() -> Fixture {
    fixture_in(database()).await
}

/// A migrated store in this database.
async fn fixture_in(url: String) -> Fixture {
    let clock = Arc::new(Manual::new());
    let store =
        Postgres::open(&settings(&[url]), clock.clone(), &Arc::new(Metrics::new())).unwrap();
    store.ready(Duration::from_secs(30)).await.unwrap();
    store.migrate(None).await.unwrap();
    Fixture {
        store: Arc::new(store).into_store(),
        clock,
    }
}

/// One test per check of the store's suite, each in its own database.
macro_rules! postgres_passes {
    ($($check:ident),* $(,)?) => {
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $check() {
                    super::store::$check(super::fixture().await).await;
                }
            )*
        }
    };
}

tars_shared::every_store_check!(postgres_passes);

/// Whoever may write to the table may add to the log, and neither change nor remove what stands in
/// it.
#[tokio::test]
async fn the_database_refuses_to_change_the_audit_log() {
    let url = database();
    let store = fixture_in(url.clone()).await.store;
    store.signing_keys.current(&samples::actor()).await.unwrap();
    let before = store.audit.list(&AuditFilter::default(), 10).await.unwrap();
    assert_eq!(before.len(), 1);
    let mut connection = PgConnection::connect(&url).await.unwrap();
    for role in ["origin", "replica"] {
        sqlx::query("SELECT set_config('session_replication_role', $1, false)")
            .bind(role)
            .execute(&mut connection)
            .await
            .unwrap();
        for forbidden in [
            "UPDATE audit_log SET actor = 'user:eve'",
            "DELETE FROM audit_log",
            "TRUNCATE audit_log",
            "INSERT INTO audit_log SELECT * FROM audit_log ON CONFLICT (id) DO UPDATE SET actor = 'user:eve'",
        ] {
            let refusal = sqlx::query(forbidden)
                .execute(&mut connection)
                .await
                .unwrap_err()
                .to_string();
            assert!(
                refusal.contains("the audit log is append-only"),
                "{role}: {forbidden}: {refusal}"
            );
        }
    }
    assert_eq!(
        store.audit.list(&AuditFilter::default(), 10).await.unwrap(),
        before
    );
}

/// What was up can go down, and up again.
#[tokio::test]
async fn migrations_go_down_and_up_again() {
    let mut connection = PgConnection::connect(&database()).await.unwrap();
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_sqlx_migrations'";
    MIGRATIONS.run(&mut connection).await.unwrap();
    let up: i64 = sqlx::query_scalar(tables)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert!(up > 0);
    MIGRATIONS.undo(&mut connection, 0).await.unwrap();
    let down: i64 = sqlx::query_scalar(tables)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    let functions = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace";
    let left: i64 = sqlx::query_scalar(functions)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(
        (down, left),
        (0, 0),
        "the downs take away all that the ups made"
    );
    MIGRATIONS.run(&mut connection).await.unwrap();
}
