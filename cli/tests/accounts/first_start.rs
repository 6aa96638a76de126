//! The first start of `tars dev`, and the ones after.

use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, Stdio};

use reqwest::StatusCode;

use crate::bench::Bench;
use crate::service::Service;

fn password(welcome: &str) -> Option<&str> {
    welcome
        .lines()
        .find_map(|line| line.trim().strip_prefix("password  "))
}

#[tokio::test]
async fn credentials_are_printed_at_the_first_start_alone_and_go_on_to_hold() {
    let mut bench = Bench::new();
    let token = bench
        .service
        .token()
        .expect("the first start prints a token")
        .to_owned();
    let password = password(&bench.service.welcome)
        .expect("the first start prints a password")
        .to_owned();
    let (status, me) = bench.me(&token).await;
    assert_eq!(
        (status, &me["subject"], &me["role"]),
        (StatusCode::OK, &"token:dev".into(), &"admin".into())
    );
    let access = bench.access_token("admin", &password).await;
    let secret = std::fs::metadata(bench.data().join("secret")).unwrap();
    assert_eq!((secret.mode() & 0o777, secret.is_file()), (0o600, true));

    bench.service.kill();
    bench.service = Service::start(&bench.data());
    let welcome = &bench.service.welcome;
    assert!(
        !welcome.contains(&password) && !welcome.contains("tars_"),
        "{welcome}"
    );
    assert!(
        welcome.contains("tars token create NAME"),
        "it says how to get a token: {welcome}"
    );
    assert_eq!(bench.me(&token).await.0, StatusCode::OK, "the token holds");
    assert_eq!(
        bench.me(&access).await.0,
        StatusCode::OK,
        "nobody is logged out, because the secret is kept"
    );
}

#[tokio::test]
async fn a_password_that_is_given_is_taken_and_not_printed() {
    let folder = tempfile::tempdir().unwrap();
    let given = "wer reitet so spaet";
    let service = Service::launch(&folder.path().join("data"), |command| {
        command
            .envs([("EVAL_ADMIN_NAME", "ada"), ("EVAL_ADMIN_PASSWORD", given)])
            .stderr(Stdio::null())
    });
    assert!(!service.welcome.contains(given), "{}", service.welcome);
    let bench = Bench { service, folder };
    let access = bench.access_token("ada", given).await;
    assert_eq!(bench.me(&access).await.1["role"], "admin");
}

#[test]
fn a_start_that_cannot_serve_makes_no_credentials() {
    let occupied = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = occupied.local_addr().unwrap().port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut tars = Command::new(env!("CARGO_BIN_EXE_tars"));
    let refused = crate::run::run(tars.args(["dev", "--port", &port, "--data"]).arg(&data));
    assert_eq!(refused.code, 2, "{}", refused.out);
    assert!(
        Service::start(&data).token().is_some(),
        "the first start that serves is the first start"
    );
}
