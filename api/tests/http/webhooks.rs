//! Webhooks as those who submit jobs, and those who look after them, see them. No worker runs.

use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tars_api::Config;
use tars_shared::account::Role;
use tars_shared::clock::System;
use tars_shared::webhook::{Networks, Noted, Outcome, Secret, Webhooks, network};

use crate::server::{Server, config, evaluation};

const URL: &str = "https://ci.example.org/hooks/tars?key=4f2a91c";

/// A service that sends webhooks, to public addresses and one network beside.
fn with_secret() -> Config {
    Config {
        webhooks: Webhooks {
            secrets: Some(Secret::generate().unwrap().parse().unwrap()),
            allow_http: false,
            networks: Networks::new(vec![network("10.1.0.0/16").unwrap()]),
        },
        ..config()
    }
}

async fn start(config: Config) -> Server {
    Server::start_with(config, Arc::new(System)).await
}

fn asking(url: &str) -> Value {
    let mut body = evaluation();
    body["callback_url"] = json!(url);
    body
}

#[track_caller]
fn refusal(answer: &(StatusCode, Value), field: &str) -> String {
    assert_eq!(answer.0, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.1);
    assert_eq!(answer.1["errors"][0]["field"], field);
    answer.1["errors"][0]["message"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_callback_is_refused_where_nothing_could_be_sent() {
    let server = start(config()).await;
    let answer = server.post("/v1/evaluate", &asking(URL)).await;
    let complaint = refusal(&answer, "callback_url");
    assert!(complaint.contains("EVAL_WEBHOOK_SECRET"), "{complaint}");
    let batch = json!({"evaluations": [evaluation(), asking(URL)]});
    let answer = server.post("/v1/evaluate/batch", &batch).await;
    refusal(&answer, "evaluations[1].callback_url");
    assert_eq!(server.jobs().await, 0);
}

#[tokio::test]
async fn callbacks_that_lead_nowhere_good_are_named() {
    let server = start(with_secret()).await;
    for (url, expected) in [
        ("http://ci.example.org/", "https://"),
        ("https://127.0.0.1/", "loopback"),
        ("https://2130706433/", "loopback"),
        ("https://localhost:8099/v1/jobs", "loopback"),
        ("https://[::ffff:10.0.0.1]/", "private"),
        ("https://10.2.0.1/", "EVAL_WEBHOOK_ALLOW_PRIVATE"),
        ("https://169.254.169.254/latest/meta-data", "metadata"),
        ("https://[fd00:ec2::254]/", "private"),
        ("https://u:hunter2@example.org/", "password"),
        ("https://example.org/#a", "fragment"),
        ("not a url", "ASCII"),
    ] {
        let answer = server.post("/v1/evaluate", &asking(url)).await;
        let complaint = refusal(&answer, "callback_url");
        assert!(complaint.contains(expected), "{url}: {complaint}");
        assert!(!answer.1.to_string().contains("hunter2"));
    }
    assert_eq!(server.jobs().await, 0);
    for url in [URL, "https://10.1.2.3:8443/", "https://internal/"] {
        let (status, answer) = server.post("/v1/evaluate", &asking(url)).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    }
}

#[tokio::test]
async fn webhooks_are_listed_with_what_became_of_them_and_sent_again() {
    let server = start(with_secret()).await;
    let (_, receipt) = server.post("/v1/evaluate", &asking(URL)).await;
    let id = receipt["job_id"].as_str().unwrap().to_owned();
    let of_job = format!("/v1/jobs/{id}/webhooks");
    assert_eq!(server.get(&of_job).await.1["items"], json!([]));
    let nothing = "/v1/jobs/00000000-0000-4000-8000-000000000000/webhooks";
    assert_eq!(server.get(nothing).await.0, StatusCode::NOT_FOUND);

    server
        .post(&format!("/v1/jobs/{id}/cancel"), &Value::Null)
        .await;
    let (status, found) = server.get(&of_job).await;
    let webhook = &found["items"][0];
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&webhook["event"], &webhook["state"], &webhook["id"]),
        (&json!("job.cancelled"), &json!("pending"), &json!(id))
    );
    assert_eq!(webhook["url"], "https://ci.example.org/hooks/tars?…");
    assert!(webhook["next_attempt_at"].is_string());

    let webhooks = &server.services.store.webhooks;
    let due = webhooks
        .take_due(Duration::from_secs(30), 10)
        .await
        .unwrap();
    let noted = Noted {
        outcome: Outcome::Dead,
        took: Duration::from_millis(7),
        status: Some(410),
        error: Some("gone".to_owned()),
    };
    assert!(webhooks.note(due[0].id, 1, &noted).await.unwrap());
    let dead = "/v1/webhooks/deliveries?state=dead";
    let (_, found) = server.get(dead).await;
    assert_eq!(found["items"][0]["last_error"], "gone");
    assert_eq!(found["items"][0]["next_attempt_at"], json!(null));
    let attempt = &found["items"][0]["attempts"][0];
    assert_eq!(
        (
            &attempt["number"],
            &attempt["status"],
            &attempt["milliseconds"]
        ),
        (&json!(1), &json!(410), &json!(7))
    );
    assert!(!found.to_string().contains("4f2a91c"), "{found}");

    let again = format!("/v1/webhooks/deliveries/{id}/redeliver");
    let developer = server.service_token("dev", Role::Developer, None).await;
    let refused = server.post_as(&developer, &again, &Value::Null).await;
    assert_eq!(refused.0, StatusCode::FORBIDDEN);
    let (status, webhook) = server.post(&again, &Value::Null).await;
    assert_eq!(
        (status, &webhook["state"]),
        (StatusCode::ACCEPTED, &json!("pending"))
    );
    assert_eq!(server.get(dead).await.1["items"], json!([]));
    let (_, audit) = server.get("/auth/audit?action=webhook.redelivered").await;
    assert_eq!(audit["items"][0]["target"], json!(id));
    let unknown = again.replace(&id, "00000000-0000-4000-8000-000000000000");
    let unknown = server.post(&unknown, &Value::Null).await;
    assert_eq!(unknown.0, StatusCode::NOT_FOUND);
    let metrics = server.request(reqwest::Method::GET, "/metrics");
    let metrics = metrics.send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("tars_eval_webhook_lag_seconds "));
}

#[tokio::test]
async fn a_retried_job_tells_the_same_receiver() {
    let server = start(with_secret()).await;
    let (_, receipt) = server.post("/v1/evaluate", &asking(URL)).await;
    let job = receipt["links"]["self"].as_str().unwrap();
    server.post(&format!("{job}/cancel"), &Value::Null).await;
    let (_, again) = server.post(&format!("{job}/retry"), &Value::Null).await;
    let again = again["links"]["self"].as_str().unwrap();
    server.post(&format!("{again}/cancel"), &Value::Null).await;
    let (_, all) = server.get("/v1/webhooks/deliveries").await;
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
    let (_, page) = server.get("/v1/webhooks/deliveries?limit=1").await;
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = format!("/v1/webhooks/deliveries?limit=1&cursor={cursor}");
    let (_, next) = server.get(&next).await;
    assert_eq!(next["items"][0], all["items"][1]);
}
