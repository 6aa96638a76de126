//! `tars token` beside a service that runs, and clients that show what it makes.

use reqwest::StatusCode;

use crate::bench::Bench;

fn secret(run: &crate::run::Run) -> &str {
    assert_eq!(run.code, 0, "{}", run.err);
    let secret = run.out.strip_suffix('\n').expect("it prints a line");
    assert!(
        secret.starts_with("tars_") && !secret.contains(['\n', ' ']),
        "the secret stands alone: {}",
        run.out
    );
    assert!(!run.err.contains(secret), "{}", run.err);
    secret
}

#[tokio::test]
async fn a_token_is_made_for_scripts_and_works_at_once() {
    let bench = Bench::new();
    let made = bench.tars(&[
        "token",
        "create",
        "ci",
        "--role",
        "viewer",
        "--expires-in-days",
        "3",
        "--requests-per-minute",
        "50",
    ]);
    assert!(
        made.err.contains("The token ci has the role viewer"),
        "{}",
        made.err
    );
    let (status, me) = bench.me(secret(&made)).await;
    assert_eq!(
        (status, &me["subject"]),
        (StatusCode::OK, &"token:ci".into())
    );
    let listed = bench.items(&["token", "list"]);
    assert_eq!(
        (&listed[0]["name"], &listed[0]["requests_per_minute"]),
        (&"ci".into(), &50.into())
    );
    assert_eq!(
        (&listed[0]["created_by"], &listed[1]["name"]),
        (&"command".into(), &"dev".into())
    );
    assert!(
        !listed[0].to_string().contains(secret(&made)) && listed[0]["expires_at"].is_string(),
        "{}",
        listed[0]
    );

    let refused = |arguments: &[&str], complaint: &str| {
        let run = bench.tars(&[&["token"], arguments].concat());
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}");
        assert!(
            run.err.contains(complaint),
            "{complaint:?} is not in {}",
            run.err
        );
    };
    refused(
        &["create", "ci", "--role", "admin"],
        "NAME: there is a token ci already",
    );
    refused(
        &["create", "no", "--role", "admin", "--expires-in-days", "0"],
        "--expires-in-days",
    );
    refused(
        &[
            "create",
            "no",
            "--role",
            "admin",
            "--requests-per-minute",
            "0",
        ],
        "--requests-per-minute",
    );
    refused(
        &["revoke", "nothing"],
        "TOKEN: no token nothing can be used",
    );
    let pasted = bench.tars(&["token", "revoke", secret(&made)]);
    assert!(
        pasted.err.contains("not its secret") && !pasted.err.contains(secret(&made)),
        "{}",
        pasted.err
    );
}

#[test]
fn clients_show_a_token_from_the_environment_or_a_file() {
    let bench = Bench::new();
    let made = bench.tars(&["token", "create", "ci", "--role", "viewer"]);
    let token = secret(&made);
    assert_eq!(bench.client(token, &["jobs", "list"]).code, 0);
    let file = bench.folder.path().join("token");
    std::fs::write(&file, format!("{token}\n")).unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(
        bench
            .client("", &["jobs", "list", "--token-file", file])
            .code,
        0
    );

    let none = bench.client("", &["jobs", "list"]);
    assert_eq!(none.code, 2);
    for word in [
        "TARS_TOKEN",
        "--token-file",
        "tars token create NAME --role developer",
    ] {
        assert!(none.err.contains(word), "{word} is not in {}", none.err);
    }
    let unknown = token.replace("tars_0", "tars_1");
    let wrong = bench.client(&unknown, &["jobs", "list"]);
    assert_eq!(wrong.code, 2);
    assert!(!wrong.err.contains(&unknown), "{}", wrong.err);
    let unprintable = bench.client("tars_\u{7}x", &["jobs", "list"]);
    assert_eq!(unprintable.code, 2);
    assert!(!unprintable.err.contains('\u{7}'), "{}", unprintable.err);
    let forbidden = bench.client(
        token,
        &["jobs", "cancel", "0199b1a4-0000-7000-8000-000000000000"],
    );
    assert!(
        forbidden
            .err
            .contains("this needs the role developer, and you are viewer"),
        "{}",
        forbidden.err
    );
    let help = bench.client(token, &["jobs", "--help"]).out;
    assert!(
        help.contains("TARS_TOKEN") && !help.contains(token),
        "{help}"
    );
}

#[tokio::test]
async fn a_rotated_token_has_a_new_secret_and_a_revoked_one_none() {
    let bench = Bench::new();
    let made = bench.tars(&["token", "create", "ci", "--role", "viewer"]);
    assert_eq!(bench.me(secret(&made)).await.0, StatusCode::OK);
    let rotated = bench.tars(&["token", "rotate", "ci"]);
    assert_ne!(secret(&rotated), secret(&made));
    assert!(rotated.err.contains("within 5 seconds"), "{}", rotated.err);
    assert!(bench.refusal_soon(secret(&made)).contains("not valid"));
    assert_eq!(bench.me(secret(&rotated)).await.0, StatusCode::OK);

    let id = bench.items(&["token", "list"])[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let revoked = bench.tars(&["token", "revoke", &id]);
    assert!(
        revoked.out.contains("The token ci is revoked"),
        "{}{}",
        revoked.out,
        revoked.err
    );
    assert!(
        bench
            .refusal_soon(secret(&rotated))
            .contains("has been revoked")
    );
    assert!(bench.tars(&["token", "list"]).out.contains("revoked"));
    assert_eq!(bench.tars(&["token", "rotate", &id]).code, 2);
    secret(&bench.tars(&["token", "create", "ci", "--role", "viewer"]));
}
