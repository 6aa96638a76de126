//! `PostgreSQL` passes the store's suite, and does what only it can do.

#![expect(clippy::unwrap_used, reason = "the functions that tests share are tests too")]

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use tars_chaos::Endpoints;
use tars_shared::clock::Manual;
use tars_shared::conformance::store::{self, Fixture};
use tars_shared::metrics::Metrics;
use tars_shared::store::postgres::{MIGRATIONS, Postgres, Settings};

/// A fresh database on a real server.
fn database() -> String {
    Endpoints::for_suites().database().unwrap().url
}

fn settings(urls: &[String]) -> Settings {
    Settings { urls: urls.to_vec(), connections: 8, follow_database_clock: false }
}

/// A migrated store in a database of its own.
async fn fixture() -> Fixture {
    let clock = Arc::new(Manual::new());
    let store = Postgres::open(&settings(&[database()]), clock.clone(), &Arc::new(Metrics::new())).unwrap();
    store.ready(Duration::from_secs(30)).await.unwrap();
    store.migrate(None).await.unwrap();
    Fixture { store: Arc::new(store).into_store(), clock }
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

/// What was up can go down, and up again.
#[tokio::test]
async fn migrations_go_down_and_up_again() {
    let mut connection = PgConnection::connect(&database()).await.unwrap();
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_sqlx_migrations'";
    MIGRATIONS.run(&mut connection).await.unwrap();
    let up: i64 = sqlx::query_scalar(tables).fetch_one(&mut connection).await.unwrap();
    assert!(up > 0);
    MIGRATIONS.undo(&mut connection, 0).await.unwrap();
    let down: i64 = sqlx::query_scalar(tables).fetch_one(&mut connection).await.unwrap();
    assert_eq!(down, 0, "the downs take away all that the ups made");
    MIGRATIONS.run(&mut connection).await.unwrap();
}
