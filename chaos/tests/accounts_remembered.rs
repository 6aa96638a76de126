//! Who is known while the database is away: whoever was, unless revoked; to a new API process,
//! whoever the cache remembers.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tars_chaos::workload::small_evaluation;
use tars_chaos::{Client, Fate, Fleet, Parts, Stack, report};

const LOST: Duration = Duration::from_mins(1);

/// Who one is, as the service says, and how long it took to say so.
async fn me(client: &Client) -> (StatusCode, Value) {
    let start = Instant::now();
    let answer = client.ask(Method::GET, "/auth/me", None).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(5), "no request hangs");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_api_process_knows_whom_the_cache_remembers_and_says_503_to_all_others() {
    let stack = Stack::start(
        &Parts::default()
            .with_postgres()
            .with_rabbitmq()
            .with_redis(),
    )
    .unwrap();
    let mut fleet = Fleet::start(stack).unwrap();
    let client = fleet.client();
    let (status, before) = me(&client).await;
    assert_eq!(
        (status, &before["subject"]),
        (StatusCode::OK, &Value::from("token:chaos"))
    );

    let made = json!({"name": "gone", "role": "viewer"});
    let (_, made) = client
        .ask(Method::POST, "/auth/service-tokens", Some(&made))
        .await
        .unwrap();
    let gone = Client::of(
        &format!("http://{}", fleet.address()),
        made["secret"].as_str().unwrap(),
    );
    assert_eq!(me(&gone).await.0, StatusCode::OK);
    let revoke = format!(
        "/auth/service-tokens/{}/revoke",
        made["token"]["id"].as_str().unwrap()
    );
    assert_eq!(
        client.ask(Method::POST, &revoke, None).await.unwrap().0,
        StatusCode::OK
    );

    fleet.stack().postgres().kill().unwrap();
    assert_eq!(
        me(&client).await,
        (StatusCode::OK, before.clone()),
        "who was known stays known"
    );
    assert_ne!(
        me(&gone).await.0,
        StatusCode::OK,
        "who was revoked stays out"
    );
    fleet.kill_api().unwrap();
    fleet.start_api().unwrap();
    assert_eq!(
        me(&client).await,
        (StatusCode::OK, before.clone()),
        "also to a process that the cache tells"
    );
    client
        .submit(&small_evaluation())
        .await
        .expect("accepted by message");

    fleet.stack().redis().restart_empty().unwrap();
    fleet.kill_api().unwrap();
    fleet.start_api().unwrap();
    let (status, problem) = me(&client).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &Value::from("unavailable")),
        "{problem}"
    );
    assert_eq!(
        client.submit(&small_evaluation()).await,
        None,
        "nobody is let in unseen"
    );
    let refused = client
        .ledger()
        .entries()
        .into_iter()
        .filter(|(_, entry)| entry.fate == Fate::Refused(503))
        .count();
    assert_eq!(refused, 1, "refused, not unknown");

    fleet.stack().postgres().start().unwrap();
    let back = Instant::now();
    while me(&client).await.0 != StatusCode::OK {
        assert!(
            back.elapsed() < LOST,
            "the database is back, and nobody is known"
        );
    }
    report(format_args!(
        "known again {:.1?} after the database was back",
        back.elapsed()
    ));
    let _worker = fleet.worker("worker", 1, &[]).unwrap();
    client.hold_to_account(LOST).await;
}
