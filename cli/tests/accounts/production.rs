//! What keeps a service in production from starting.

use std::process::{Command, Stdio};

use crate::run::{Run, run};
use crate::service::Service;

const REAL_KEY: &str = "kq3Z0vJc6yRr1uT8wXe5bN2mPa9sLd4fGh7jKi0oQ";

fn tars(arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let mut tars = Command::new(env!("CARGO_BIN_EXE_tars"));
    run(tars.args(arguments).envs(variables.iter().copied()))
}

/// One line that names the variable, and never what is in it.
fn refuses(arguments: &[&str], variables: &[(&str, &str)], complaint: &str) {
    let refused = tars(arguments, variables);
    assert_eq!(
        refused.code, 2,
        "{arguments:?} with {variables:?}: {}",
        refused.out
    );
    assert_eq!(refused.err.lines().count(), 1, "{}", refused.err);
    assert!(
        refused.err.starts_with(&format!("tars: {complaint}")),
        "{complaint:?} is not in {}",
        refused.err
    );
    for (_, value) in variables {
        assert!(
            value.is_empty() || !refused.err.contains(value),
            "{}",
            refused.err
        );
    }
}

#[test]
fn missing_short_and_example_secrets_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let dev = ["dev", "--port", "0", "--mode", "production", "--data", data];
    refuses(&dev, &[], "JWT_SECRET_KEY: is missing");
    refuses(
        &dev,
        &[("JWT_SECRET_KEY", "")],
        "JWT_SECRET_KEY: is missing",
    );
    refuses(
        &dev,
        &[("JWT_SECRET_KEY", "sh0rt-key")],
        "JWT_SECRET_KEY: has 9 bytes",
    );
    let example = "changeme-changeme-changeme-changeme";
    refuses(
        &dev,
        &[("JWT_SECRET_KEY", example)],
        "JWT_SECRET_KEY: is an example",
    );
    let weak = [
        ("JWT_SECRET_KEY", REAL_KEY),
        ("EVAL_ADMIN_PASSWORD", "admin-admin-1"),
    ];
    refuses(&dev, &weak, "EVAL_ADMIN_PASSWORD: is an example");
    let cache = [
        ("JWT_SECRET_KEY", REAL_KEY),
        ("CACHE_URL", "redis://:changeme@127.0.0.1:1"),
    ];
    refuses(&dev, &cache, "CACHE_URL: the password is an example");
    assert!(
        !folder.path().join("data").exists(),
        "nothing is made on the way"
    );
}

#[test]
fn production_is_what_api_and_worker_are_in_unless_told_otherwise() {
    let urls = |password: &str| {
        let database = format!("postgres://tars:{password}@127.0.0.1:1/tars");
        (database, format!("amqp://tars:{password}@127.0.0.1:1"))
    };
    let (database, queue) = urls("k3Wq9xRt");
    let good = [
        ("DATABASE_URL", database.as_str()),
        ("QUEUE_URL", queue.as_str()),
    ];
    refuses(&["api", "--port", "0"], &good, "JWT_SECRET_KEY: is missing");
    let (database, queue) = urls("postgres");
    let examples = [
        ("DATABASE_URL", database.as_str()),
        ("QUEUE_URL", queue.as_str()),
        ("JWT_SECRET_KEY", REAL_KEY),
    ];
    for command in ["api", "worker"] {
        refuses(
            &[command],
            &examples,
            "DATABASE_URL, QUEUE_URL: the password is an example",
        );
        let told = tars(
            &[command],
            &[&examples[..], &[("EVAL_MODE", "development")]].concat(),
        );
        assert!(
            told.err
                .contains("neither the database nor the queue answers"),
            "it tries: {}",
            told.err
        );
        assert!(
            told.err
                .contains("DATABASE_URL, QUEUE_URL: the password is an example"),
            "and warns: {}",
            told.err
        );
    }
}

#[test]
fn in_production_nothing_is_made_up() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let service = Service::launch(&data, |command| {
        let variables = [("EVAL_MODE", "production"), ("JWT_SECRET_KEY", REAL_KEY)];
        command
            .envs(variables)
            .env("EVAL_ADMIN_PASSWORD", "wer reitet so spaet")
            .stderr(Stdio::null())
    });
    assert_eq!(service.token(), None, "{}", service.welcome);
    assert!(!service.welcome.contains("password"), "{}", service.welcome);
    assert!(!data.join("secret").exists());
    let users = tars(&["user", "list", "--data", data.to_str().unwrap()], &[]);
    assert!(
        users.out.contains("admin"),
        "whoever is named is added: {}{}",
        users.out,
        users.err
    );
}
