//! Jobs after they were accepted.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::server::{Server, answer, evaluation};
use crate::worked::complete;

#[tokio::test]
async fn listings_come_in_pages_and_refuse_unknown_parameters() {
    let server = Server::start().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.insert(
            0,
            server.post("/v1/evaluate", &evaluation()).await.1["job_id"].clone(),
        );
    }
    let mut path = "/v1/jobs?limit=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let (_, page) = server.get(&path).await;
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|job| job["job_id"].clone()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/v1/jobs?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, ids);
    for query in [
        "limit=0",
        "limit=201",
        "limit=x",
        "cursor=x",
        "status=done",
        "agent_type=SARSA",
        "label=x",
        "label=a:%00",
        "colour=red",
        "environment=a'b",
    ] {
        let (status, problem) = server.get(&format!("/v1/jobs?{query}")).await;
        let field = query.split('=').next().unwrap();
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        assert_eq!(problem["errors"][0]["field"], field);
    }
}

#[tokio::test]
async fn a_queued_job_is_cancelled_at_once_and_can_be_retried_as_one_new_job() {
    let server = Server::start().await;
    let (_, receipt) = server.post("/v1/evaluate", &evaluation()).await;
    let path = receipt["links"]["self"].as_str().unwrap().to_owned();
    let (status, problem) = server.post(&format!("{path}/retry"), &Value::Null).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("not_retryable"))
    );
    for _ in 0..2 {
        let (status, job) = server.post(&format!("{path}/cancel"), &Value::Null).await;
        assert_eq!(
            (status, &job["status"]),
            (StatusCode::OK, &json!("cancelled")),
            "cancelling twice is no error"
        );
    }
    let (status, first) = server.post(&format!("{path}/retry"), &Value::Null).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let (_, second) = server.post(&format!("{path}/retry"), &Value::Null).await;
    assert_eq!(first["job_id"], second["job_id"]);
    let (_, job) = server.get(&path).await;
    let (_, retried) = server.get(first["links"]["self"].as_str().unwrap()).await;
    assert_eq!(
        (&retried["retry_of"], &retried["seed"]),
        (&job["job_id"], &job["seed"])
    );
    assert_eq!(
        job["status"], "cancelled",
        "what has ended stays as it ended"
    );
}

#[tokio::test]
async fn a_long_poll_returns_when_the_job_ends() {
    let server = Server::start().await;
    let (_, receipt) = server.post("/v1/evaluate", &evaluation()).await;
    let path = receipt["links"]["self"].as_str().unwrap().to_owned();
    let id = receipt["job_id"].as_str().unwrap().parse().unwrap();
    let poll = tokio::spawn(answer(
        server.request(Method::GET, &format!("{path}?wait=30")),
    ));
    let events = server
        .request(Method::GET, &format!("{path}/events"))
        .send()
        .await
        .unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");

    complete(&server.services.store, id).await;

    let (_, job) = poll.await.unwrap();
    assert_eq!(job["status"], "completed");
    let stream = events.text().await.unwrap();
    assert!(
        stream.starts_with("event:progress") && stream.contains("event:end"),
        "{stream}"
    );
    assert_eq!(
        server.get(&format!("{path}?wait=61")).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let (status, problem) = server.post(&format!("{path}/cancel"), &Value::Null).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("job_ended"))
    );
}
