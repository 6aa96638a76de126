//! `tars keys` beside a service that runs, and accounts where there is no database to find them in.

use reqwest::StatusCode;
use tars_chaos::Endpoints;

use crate::bench::Bench;
use crate::run::{Run, run};

const PASSWORD: &str = "correct horse battery";

#[tokio::test]
async fn a_rotation_without_grace_logs_everybody_out_and_a_cleanup_removes_the_rest() {
    let bench = Bench::new();
    assert!(
        bench
            .tars(&["keys", "list"])
            .out
            .contains("the first login makes one")
    );
    bench.tars_with(
        PASSWORD,
        &["user", "add", "ada", "--role", "viewer", "--password-stdin"],
    );
    let access = bench.access_token("ada", PASSWORD).await;
    assert_eq!(bench.me(&access).await.0, StatusCode::OK);
    assert_eq!(bench.items(&["keys", "list"]).len(), 1);

    let gentle = bench.tars(&["keys", "rotate"]);
    assert!(
        gentle.out.contains("stay good for 604800 seconds"),
        "{}{}",
        gentle.out,
        gentle.err
    );
    assert_eq!(
        bench.me(&access).await.0,
        StatusCode::OK,
        "tokens of the former key are good"
    );
    let listed = bench.tars(&["keys", "list"]).out;
    assert!(
        listed.contains("signs") && listed.contains("verifies"),
        "{listed}"
    );

    let at_once = bench.tars(&["keys", "rotate", "--grace-seconds", "0"]);
    assert!(
        at_once.out.contains("must log in again"),
        "{}{}",
        at_once.out,
        at_once.err
    );
    assert!(bench.refusal_soon(&access).contains("not valid"));
    assert_eq!(
        bench.me(bench.service.token().unwrap()).await.0,
        StatusCode::OK,
        "service tokens are not signed"
    );
    let anew = bench.access_token("ada", PASSWORD).await;
    let clean = bench.tars(&["keys", "cleanup"]);
    assert_eq!(
        (clean.code, clean.out.as_str()),
        (0, "Removed 2 expired keys and 0 sessions that were over.\n")
    );
    assert_eq!(bench.items(&["keys", "list"]).len(), 1);
    assert_eq!(
        bench.me(&anew).await.0,
        StatusCode::OK,
        "what is in use stays"
    );
    let again = bench.tars(&["keys", "cleanup"]);
    assert_eq!(
        (again.code, again.out.as_str()),
        (0, "Removed 0 expired keys and 0 sessions that were over.\n")
    );
}

fn on(database: &str, arguments: &[&str]) -> Run {
    let mut tars = std::process::Command::new(env!("CARGO_BIN_EXE_tars"));
    run(tars.args(arguments).env("DATABASE_URL", database))
}

#[test]
fn a_database_that_is_not_there_or_too_old_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut tars = std::process::Command::new(env!("CARGO_BIN_EXE_tars"));
    let nowhere = run(tars.args(["user", "list"]).current_dir(folder.path()));
    assert_eq!(nowhere.code, 2);
    assert!(
        nowhere
            .err
            .contains("there is no database tars-data/tars.db"),
        "{}",
        nowhere.err
    );
    assert_eq!(
        folder.path().read_dir().unwrap().count(),
        0,
        "none is made by looking"
    );
    let away = on(
        "postgres://tars:k3Wq9xRt@127.0.0.1:1/tars",
        &["user", "list"],
    );
    assert_eq!(away.code, 2);
    assert!(
        away.err.contains("the store is unavailable") && !away.err.contains("k3Wq9xRt"),
        "{}",
        away.err
    );

    let database = Endpoints::for_suites().database().unwrap();
    let old = on(&database.url, &["token", "list"]);
    assert_eq!(old.code, 2);
    assert!(old.err.contains("run `tars migrate` first"), "{}", old.err);
    assert_eq!(on(&database.url, &["migrate"]).code, 0);
    let made = on(
        &database.url,
        &["token", "create", "ci", "--role", "viewer"],
    );
    assert!(made.out.starts_with("tars_"), "{}", made.err);
    let listed = on(&database.url, &["token", "list", "--json"]);
    assert!(listed.out.contains(r#""name":"ci""#), "{}", listed.out);
}
