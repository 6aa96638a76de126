//! `tars user` beside a service that runs.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::bench::Bench;

const PASSWORD: &str = "correct horse battery";
const OTHER: &str = "staple battery horse";

fn add(bench: &Bench, name: &str, role: &str) {
    let added = bench.tars_with(
        PASSWORD,
        &["user", "add", name, "--role", role, "--password-stdin"],
    );
    assert_eq!(added.code, 0, "{}", added.err);
    assert_eq!(added.out, format!("{name} is added as {role}.\n"));
}

#[tokio::test]
async fn users_are_added_and_listed_and_can_log_in() {
    let bench = Bench::new();
    add(&bench, "ada", "developer");
    let access = bench.access_token("ada", PASSWORD).await;
    assert_eq!(bench.me(&access).await.1["role"], "developer");

    let generated = bench.tars(&["user", "add", "bob", "--role", "viewer", "--generate"]);
    assert_eq!(
        generated.out.lines().count(),
        1,
        "the password stands alone: {}",
        generated.out
    );
    assert!(
        generated.err.contains("bob is added as viewer"),
        "{}",
        generated.err
    );
    bench.access_token("bob", generated.out.trim_end()).await;

    let listed = bench.tars(&["user", "list"]).out;
    assert_eq!(
        listed.lines().count(),
        4,
        "a header and three users: {listed}"
    );
    let users = bench.items(&["user", "list"]);
    let names: Vec<_> = users
        .iter()
        .map(|user| user["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["ada", "admin", "bob"]);
    assert!(
        !users[0]
            .as_object()
            .unwrap()
            .keys()
            .any(|key| key.contains("password")),
        "{}",
        users[0]
    );
}

#[test]
fn what_cannot_be_added_is_told_by_its_field() {
    let bench = Bench::new();
    let refused = |input: &str, arguments: &[&str], complaint: &str| {
        let run = bench.tars_with(input, &[&["user"], arguments].concat());
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.out);
        assert!(
            run.err.contains(complaint),
            "{complaint:?} is not in {}",
            run.err
        );
        assert!(
            input.is_empty() || !run.err.contains(input.trim()),
            "{}",
            run.err
        );
    };
    let add = |name| ["add", name, "--role", "viewer", "--password-stdin"];
    refused(
        PASSWORD,
        &add("admin"),
        "NAME: there is a user admin already",
    );
    refused(
        "short",
        &add("ada"),
        "password: must have at least 12 characters",
    );
    refused("changeme-changeme", &add("ada"), "password: is an example");
    refused(PASSWORD, &add("Ada"), "small letters");
    refused(
        "",
        &["add", "ada", "--role", "viewer"],
        "--password-stdin or --generate",
    );
    refused(
        "",
        &["add", "ada", "--role", "king", "--generate"],
        "must be viewer, developer or admin",
    );
    refused(
        "",
        &["role", "nobody", "viewer"],
        "NAME: there is no user nobody",
    );
    refused(
        PASSWORD,
        &["password", "nobody", "--password-stdin"],
        "NAME: there is no user nobody",
    );
    refused(
        "",
        &["role", "admin", "viewer"],
        "NAME: admin is the last administrator",
    );
    refused(
        "",
        &["disable", "admin"],
        "NAME: admin is the last administrator",
    );
    assert_eq!(
        bench.items(&["user", "list"]).len(),
        1,
        "none of this changed anything"
    );
}

#[tokio::test]
async fn a_changed_role_acts_on_a_service_that_runs() {
    let bench = Bench::new();
    add(&bench, "ada", "admin");
    let access = bench.access_token("ada", PASSWORD).await;
    assert_eq!(bench.client(&access, &["jobs", "list"]).code, 0);
    let changed = bench.tars(&["user", "role", "ada", "viewer"]);
    assert!(
        changed.out.contains("ada is viewer now") && changed.out.contains("within 5 seconds"),
        "{}",
        changed.out
    );
    // What anybody may read goes on; what needs the former role soon does not.
    let add = |access: &str| {
        let baseline = [
            "baselines",
            "add",
            "--agent=PPO",
            "--env=CartPole-v1",
            "--mean=1",
            "--std=1",
        ];
        bench.client(
            access,
            &[&baseline[..], &["--success-rate=1", "--episodes=10"]].concat(),
        )
    };
    assert!(tars_chaos::eventually(crate::bench::SOON, || add(&access)
        .code
        != 0));
    let refused = add(&access);
    assert!(
        refused
            .err
            .contains("this needs the role admin, and you are viewer"),
        "{}",
        refused.err
    );
    assert_eq!(bench.me(&access).await.1["role"], "viewer");
}

#[tokio::test]
async fn a_disabled_user_is_out_until_enabled() {
    let bench = Bench::new();
    add(&bench, "ada", "viewer");
    let access = bench.access_token("ada", PASSWORD).await;
    assert_eq!(bench.me(&access).await.0, StatusCode::OK);
    assert!(
        bench
            .tars(&["user", "disable", "ada"])
            .out
            .contains("within 5 seconds")
    );
    assert_eq!(
        bench.log_in("ada", PASSWORD).await.0,
        StatusCode::UNAUTHORIZED,
        "a login asks the database"
    );
    assert!(bench.refusal_soon(&access).contains("has been revoked"));
    assert!(bench.tars(&["user", "list"]).out.contains("disabled"));
    assert_eq!(bench.tars(&["user", "enable", "ada"]).code, 0);
    bench.access_token("ada", PASSWORD).await;
    assert_eq!(
        bench.me(&access).await.0,
        StatusCode::UNAUTHORIZED,
        "the sessions of before have ended"
    );
}

#[tokio::test]
async fn a_new_password_ends_what_the_old_one_opened() {
    let bench = Bench::new();
    add(&bench, "ada", "viewer");
    let access = bench.access_token("ada", PASSWORD).await;
    assert_eq!(bench.me(&access).await.0, StatusCode::OK);
    let changed = bench.tars_with(
        &format!("{OTHER}\n"),
        &["user", "password", "ada", "--password-stdin"],
    );
    assert_eq!(changed.code, 0, "{}", changed.err);
    assert_eq!(
        bench.log_in("ada", PASSWORD).await.0,
        StatusCode::UNAUTHORIZED
    );
    bench.access_token("ada", OTHER).await;
    assert!(bench.refusal_soon(&access).contains("has been revoked"));
    let admin = bench.service.token().unwrap();
    let (_, entries) = bench
        .ask(Method::GET, "/auth/audit?actor=command", admin, None)
        .await;
    let actions: Vec<_> = entries["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["action"])
        .collect();
    let expected: [Value; 2] = [json!("user.password"), json!("user.added")];
    assert_eq!(
        actions,
        expected.iter().collect::<Vec<_>>(),
        "who stands at the machine is audited too"
    );
}
