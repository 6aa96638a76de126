//! Why a job waits.

use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tars_shared::job::FailureKind;
use tars_shared::store::{Claim, ClaimTerms, Failed, Lease, WorkerReport};
use tars_shared::submission::Submission;
use uuid::Uuid;

use crate::outages::two_servers;
use crate::server::{Server, evaluation};

/// A worker with two slots that does ten episodes a second, as it tells of itself.
pub(crate) async fn report(server: &Server, name: &str, busy: u32) {
    let report = WorkerReport {
        name: name.to_owned(),
        host: "machine".to_owned(),
        version: "1.2.3".to_owned(),
        started_at: server.services.clock.now(),
        slots: 2,
        busy,
        running: vec![Uuid::from_u128(9)],
        draining: false,
        episodes: 100.0,
        seconds: 10.0,
    };
    server.services.store.workers.report(&report).await.unwrap();
}

async fn submit(server: &Server, priority: &str) -> Value {
    let mut body = evaluation();
    body["priority"] = json!(priority);
    let (status, receipt) = server.post("/v1/evaluate", &body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{receipt}");
    receipt
}

/// What the job waits for, and the whole job.
async fn waiting(server: &Server, receipt: &Value) -> (Value, Value) {
    let (status, job) = server.get(receipt["links"]["self"].as_str().unwrap()).await;
    assert_eq!(status, StatusCode::OK, "{job}");
    (job["waiting"].clone(), job)
}

async fn claim(server: &Server, receipt: &Value) -> Lease {
    let (jobs, leases) = (&server.services.store.jobs, &server.services.store.leases);
    let id = receipt["job_id"].as_str().unwrap().parse().unwrap();
    let submission: Submission = jobs.submission(id).await.unwrap().unwrap();
    let terms = ClaimTerms {
        worker: "w".into(),
        claim_id: server.services.clock.new_id(),
        message_id: Uuid::nil(),
        observed_lease: None,
        alone: false,
        term: std::time::Duration::from_mins(1),
        max_attempts: 5,
    };
    match leases.claim_one(&submission, terms).await.unwrap() {
        Claim::Granted { lease, .. } => lease,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn without_a_worker_a_job_says_so_and_with_one_it_knows_its_place() {
    let server = Server::start().await;
    let first = submit(&server, "normal").await;
    assert!(first.get("waiting").is_none(), "{first}");
    let (none, job) = waiting(&server, &first).await;
    assert_eq!(none["code"], "no_worker", "{none}");
    assert_eq!(job["explanation"], none["detail"]);

    // One whose answers are not remembered from a moment ago.
    let server = Server::start().await;
    report(&server, "one", 2).await;
    let first = submit(&server, "normal").await;
    let second = submit(&server, "normal").await;
    submit(&server, "high").await;
    let low = submit(&server, "low").await;
    for (receipt, before) in [(&first, 1), (&second, 2), (&low, 3)] {
        let (place, _) = waiting(&server, receipt).await;
        assert_eq!(place["code"], "waiting_for_worker", "{place}");
        assert_eq!(
            (&place["before"], &place["more_before"]),
            (&json!(before), &json!(false))
        );
        let start = place["estimated_start"]
            .as_str()
            .unwrap()
            .parse::<chrono::DateTime<chrono::Utc>>();
        // A hundred episodes each, a tenth of a second for each, on two slots.
        let expected = server.services.clock.now() + TimeDelta::seconds(before * 5);
        let error = (start.unwrap() - expected).abs();
        assert!(error < TimeDelta::seconds(2), "{place}");
        assert!(
            place["basis"].as_str().unwrap().contains("1 workers"),
            "{place}"
        );
    }
    let (_, listing) = server.get("/v1/jobs").await;
    assert!(listing["items"][0].get("waiting").is_none(), "{listing}");
}

#[tokio::test]
async fn a_job_between_attempts_or_alone_or_running_says_so() {
    let server = Server::start().await;
    report(&server, "one", 0).await;
    let receipt = submit(&server, "normal").await;
    let lease = claim(&server, &receipt).await;
    let (running, _) = waiting(&server, &receipt).await;
    assert_eq!(running, Value::Null, "what runs does not wait");

    let failed = Failed {
        kind: FailureKind::Evaluation,
        reason: "it broke".to_owned(),
    };
    let later = server.services.clock.now() + TimeDelta::minutes(1);
    let leases = &server.services.store.leases;
    assert!(leases.retry_later(lease, &failed, later).await.unwrap());
    let (retrying, _) = waiting(&server, &receipt).await;
    assert_eq!(retrying["code"], "retrying", "{retrying}");
    assert!(retrying["detail"].as_str().unwrap().contains("it broke"));
    assert!(retrying["until"].is_string() && retrying["since"].is_string());

    // A worker vanished with it beside others.
    let other = submit(&server, "normal").await;
    let lease = claim(&server, &other).await;
    server.services.store.dispatches.orphan_all().await.unwrap();
    let (isolated, _) = waiting(&server, &other).await;
    assert_eq!(isolated["code"], "isolated", "{lease:?} {isolated}");
}

#[tokio::test]
async fn what_waits_has_no_tag_and_what_has_ended_waits_for_nothing() {
    let server = Server::start().await;
    let receipt = submit(&server, "normal").await;
    let path = receipt["links"]["self"].as_str().unwrap();
    let request = server
        .request(Method::GET, path)
        .header("If-None-Match", "*");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "it changes by itself");
    assert!(response.headers().get("etag").is_none());
    let (_, cancelled) = server.post(&format!("{path}/cancel"), &Value::Null).await;
    assert!(cancelled.get("waiting").is_none());
    let request = server
        .request(Method::GET, path)
        .header("If-None-Match", "*");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    let (_, ended) = server.get(path).await;
    assert!(ended.get("waiting").is_none(), "{ended}");
}

#[tokio::test]
async fn while_the_queue_is_away_a_job_says_since_when() {
    let (server, _other, switch) = two_servers().await;
    switch.queue_is_away.store(true, Ordering::Relaxed);
    let receipt = submit(&server, "normal").await;
    let (away, _) = waiting(&server, &receipt).await;
    assert_eq!(away["code"], "queue_away", "{away}");
    assert!(away["since"].is_string());
}

/// The next event of a stream.
async fn event(stream: &mut reqwest::Response) -> Value {
    let mut text = String::new();
    while !text.ends_with("\n\n") {
        let chunk = stream.chunk().await.unwrap().unwrap();
        text += std::str::from_utf8(&chunk).unwrap();
    }
    let data = text.lines().find_map(|line| line.strip_prefix("data:"));
    serde_json::from_str(data.unwrap()).unwrap()
}

#[tokio::test]
async fn followers_hear_when_a_job_waits_for_something_else() {
    let server = Server::start().await;
    report(&server, "one", 0).await;
    let receipt = submit(&server, "normal").await;
    let events = server.request(Method::GET, receipt["links"]["events"].as_str().unwrap());
    let mut stream = events.send().await.unwrap();
    let first = event(&mut stream).await;
    assert_eq!(first["waiting"]["code"], "waiting_for_worker", "{first}");
    let pause = json!({"scope": "all", "reason": "a new disk"});
    assert_eq!(
        server.post("/v1/pauses", &pause).await.0,
        StatusCode::CREATED
    );
    let second = event(&mut stream).await;
    assert_eq!(second["status"], "queued");
    assert_eq!(second["waiting"]["code"], "paused", "{second}");
    assert!(
        second["explanation"]
            .as_str()
            .unwrap()
            .ends_with("a new disk")
    );
}
