//! What is secret is in no log, however much is logged.

use std::fs::File;
use std::path::Path;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tars_chaos::Endpoints;

use crate::bench::Bench;
use crate::run::{command, run};
use crate::service::Service;

const KEY: &str = "kq3Z0vJc6yRr1uT8wXe5bN2mPa9sLd4fGh7jKi0oQ";
const PASSWORD: &str = "wer-reitet-so-spaet";
const WRONG: &str = "durch-nacht-und-wind";
const SECOND: &str = "es-ist-der-vater-mit";

/// Secrets that were met on the way.
#[derive(Default)]
struct Secrets(Vec<String>);

impl Secrets {
    fn note(&mut self, secret: &str) -> String {
        assert!(secret.len() > 7, "{secret:?} is no secret");
        self.0.push(secret.to_owned());
        secret.to_owned()
    }

    /// What a document shows under this name.
    fn take(&mut self, document: &Value, name: &str) -> String {
        self.note(
            document[name]
                .as_str()
                .unwrap_or_else(|| panic!("no {name} in {document}")),
        )
    }
}

/// `postgres://USER:PASSWORD@…`
fn password_of(url: &str) -> &str {
    let parts = url
        .split_once("://")
        .and_then(|(_, rest)| rest.rsplit_once('@'));
    let password = parts.and_then(|(credentials, _)| credentials.split_once(':'));
    password.expect("the URL has a password").1
}

/// Everything that makes the service hold a secret for a moment, the right way and the wrong ways.
async fn use_it(bench: &Bench, secrets: &mut Secrets) {
    let service_token = secrets.note(
        bench
            .service
            .token()
            .expect("the first start prints a token"),
    );
    assert_eq!(bench.me(&service_token).await.0, StatusCode::OK);
    let (status, pair) = bench.log_in("admin", PASSWORD).await;
    assert_eq!(status, StatusCode::OK, "{pair}");
    let (access, refresh) = (
        secrets.take(&pair, "access_token"),
        secrets.take(&pair, "refresh_token"),
    );
    assert_eq!(
        bench.log_in("admin", WRONG).await.0,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        bench.log_in("nobody", WRONG).await.0,
        StatusCode::UNAUTHORIZED
    );

    let post = async |path: &str, token: &str, body: Value| {
        bench.ask(Method::POST, path, token, Some(body)).await
    };
    let short = json!({"name": "ada", "role": "viewer", "password": "tooshort-"});
    assert_eq!(
        post("/auth/users", &access, short).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let user = json!({"name": "ada", "role": "viewer", "password": SECOND});
    assert_eq!(
        post("/auth/users", &access, user.clone()).await.0,
        StatusCode::CREATED
    );
    assert_eq!(
        post("/auth/users", &access, user).await.0,
        StatusCode::CONFLICT
    );
    let change = json!({"current_password": WRONG, "new_password": SECOND});
    assert_eq!(
        post("/auth/password", &access, change).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let misplaced =
        json!({"username": {"password": PASSWORD}, "password": PASSWORD, "secret": WRONG});
    assert!(post("/auth/login", "", misplaced).await.0.is_client_error());

    let (status, made) = post(
        "/auth/service-tokens",
        &access,
        json!({"name": "ci", "role": "viewer"}),
    )
    .await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let ci = secrets.take(&made, "secret");
    let forbidden = post("/v1/evaluate", &ci, json!({})).await.0;
    assert_eq!(forbidden, StatusCode::FORBIDDEN);
    let unknown = secrets.note(&ci.replace("tars_0", "tars_1"));
    assert_eq!(bench.me(&unknown).await.0, StatusCode::UNAUTHORIZED);
    let forged = secrets.note(&access.replace("eyJ0", "eyJ1"));
    assert_eq!(
        bench.me(&forged[..forged.len() - 2]).await.0,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        bench.me(&refresh).await.0,
        StatusCode::UNAUTHORIZED,
        "a refresh token calls nothing"
    );

    let renewal = json!({"refresh_token": refresh});
    let (status, next) = post("/auth/refresh", "", renewal.clone()).await;
    assert_eq!(status, StatusCode::OK, "{next}");
    secrets.take(&next, "access_token");
    secrets.take(&next, "refresh_token");
    assert_eq!(
        post("/auth/refresh", "", renewal).await.0,
        StatusCode::UNAUTHORIZED,
        "once is all"
    );
    let path = format!("/v1/jobs/{ci}");
    assert!(
        bench
            .ask(Method::GET, &path, &service_token, None)
            .await
            .0
            .is_client_error()
    );
}

/// All that the service says, but for the line that shows its token once.
fn said(welcome: &str, rest: &str, log: &Path) -> String {
    let lines = welcome
        .lines()
        .filter(|line| !line.trim().starts_with("export TARS_TOKEN=tars_"));
    let log = std::fs::read_to_string(log).expect("the log is text");
    assert!(
        log.contains("a login failed"),
        "what is asked of it is logged: {log}"
    );
    lines
        .chain(rest.lines())
        .chain(log.lines())
        .collect::<Vec<_>>()
        .join("\n")
}

fn find<'a>(text: &'a str, secret: &str) -> Option<&'a str> {
    text.lines().find(|line| line.contains(secret))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_what_a_service_says() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let database = Endpoints::for_suites().database().unwrap();
    let service = Service::launch(&folder.path().join("data"), |command| {
        let variables = [
            ("JWT_SECRET_KEY", KEY),
            ("EVAL_ADMIN_PASSWORD", PASSWORD),
            ("DATABASE_URL", &database.url),
        ];
        command
            .envs(variables)
            .env("RUST_LOG", "trace")
            .stderr(File::create(&log).unwrap())
    });
    let mut bench = Bench { service, folder };
    let mut secrets = Secrets::default();
    for secret in [
        KEY,
        PASSWORD,
        WRONG,
        SECOND,
        "tooshort-",
        password_of(&database.url),
        "$argon2id$",
    ] {
        secrets.note(secret);
    }
    use_it(&bench, &mut secrets).await;
    let rest = bench.service.kill();
    let said = said(&bench.service.welcome, &rest, &log);
    for secret in &secrets.0 {
        assert_eq!(find(&said, secret), None, "a secret is logged");
    }
}

#[test]
fn no_secret_is_in_what_a_failed_start_says() {
    let password = "k3Wq9xRt-tRx9qW3k";
    let database = format!("postgres://tars:{password}@127.0.0.1:1/tars");
    let queue = format!("amqp://tars:{password}@127.0.0.1:1");
    let (typo, cache) = (
        format!("postgers://tars:{password}@h/d"),
        format!("redis//:{password}@h"),
    );
    let start = |subcommand: &str, variables: &[(&str, &str)]| {
        let mut tars = command("http://127.0.0.1:1", "", &[subcommand]);
        let given = [
            ("JWT_SECRET_KEY", KEY),
            ("EVAL_ADMIN_PASSWORD", PASSWORD),
            ("RUST_LOG", "trace"),
        ];
        let refused = run(tars.envs(given).envs(variables.iter().copied()));
        assert_eq!(refused.code, 2, "{subcommand} with {variables:?}");
        let said = refused.out + &refused.err;
        for secret in [KEY, PASSWORD, password] {
            assert_eq!(find(&said, secret), None, "a secret is told");
        }
    };
    for subcommand in ["dev", "api", "worker", "migrate"] {
        if subcommand == "api" || subcommand == "worker" {
            start(
                subcommand,
                &[
                    ("DATABASE_URL", &database),
                    ("QUEUE_URL", &queue),
                    ("CACHE_URL", &cache),
                ],
            );
        }
        let both = [
            ("DATABASE_URL", database.as_str()),
            ("QUEUE_URL", queue.as_str()),
        ];
        start(subcommand, &both);
        start(
            subcommand,
            &[("DATABASE_URL", &typo), ("QUEUE_URL", &queue)],
        );
    }
}
