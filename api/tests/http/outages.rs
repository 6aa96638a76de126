//! Accepted jobs while the store refuses writes, and just after.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tars_shared::backends::Backends;
use tars_shared::clock::System;
use tars_shared::services::Services;

use crate::flaky_store::FlakyJobs;
use crate::server::{Server, answer, config, evaluation};

const LIMIT: Duration = Duration::from_secs(30);

/// Two API processes on one store, one queue and one cache.
pub(crate) async fn two_servers() -> (Server, Server, Arc<FlakyJobs>) {
    let data = tempfile::tempdir().unwrap();
    let mut services = Services::open(&Backends::embedded(data.path()), Arc::new(System))
        .await
        .unwrap();
    let jobs = FlakyJobs::before(&mut services);
    let one = Server::serve(services.clone(), config(), data).await;
    let other = Server::serve_beside(&one, services, config()).await;
    (one, other, jobs)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_without_a_row_is_queued_and_never_unknown() {
    let (one, other, jobs) = two_servers().await;
    jobs.refuse_writes(true);
    let (status, receipt) = one.post("/v1/evaluate", &evaluation()).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{receipt}");
    let path = format!("/v1/jobs/{}", receipt["job_id"].as_str().unwrap());
    for server in [&one, &other] {
        let (status, job) = server.get(&path).await;
        assert_eq!((status, &job["status"]), (StatusCode::OK, &json!("queued")));
        assert_eq!(job["job_id"], receipt["job_id"]);
        assert_eq!(job["submitted_at"], receipt["submitted_at"]);
        assert_eq!(job["progress"]["episodes_total"], 100);
        assert_eq!(job["waiting"]["code"], "recorded_later", "{job}");
    }
    let (status, _) = one.post(&format!("{path}/cancel"), &json!(null)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "not now");
    let (status, problem) = one.post(&format!("{path}/retry"), &json!(null)).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("not_retryable"))
    );
    // Another process may have accepted it: nobody can say that there is no such job.
    let unknown = "/v1/jobs/0192f0c1-2a3b-7c4d-8e5f-001122334455";
    assert_eq!(one.get(unknown).await.0, StatusCode::SERVICE_UNAVAILABLE);

    jobs.refuse_writes(false);
    let end = Instant::now() + LIMIT;
    while one.jobs().await == 0 {
        assert_eq!(one.get(&path).await.0, StatusCode::OK);
        assert!(Instant::now() < end, "its row is never made");
    }
    let (status, job) = one.get(&path).await;
    assert_eq!((status, &job["status"]), (StatusCode::OK, &json!("queued")));
}

#[tokio::test]
async fn without_an_outage_there_is_no_such_job() {
    let server = Server::start().await;
    let unknown = "/v1/jobs/0192f0c1-2a3b-7c4d-8e5f-001122334455";
    assert_eq!(server.get(unknown).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_rows_are_made_in_one_call() {
    let (one, _other, jobs) = two_servers().await;
    jobs.refuse_writes(true);
    let batch = json!({"evaluations": vec![evaluation(); 100]});
    let mut accepted: Vec<Value> = Vec::new();
    for _ in 0..10 {
        let (status, receipts) = one.post("/v1/evaluate/batch", &batch).await;
        assert_eq!(status, StatusCode::ACCEPTED);
        accepted.extend(receipts["jobs"].as_array().unwrap().iter().cloned());
    }
    let before = jobs.inserts.load(Ordering::Relaxed);
    jobs.refuse_writes(false);
    let end = Instant::now() + LIMIT;
    let count = async || one.services.store.jobs.ledger().await.unwrap().total();
    while count().await < 1000 {
        assert!(Instant::now() < end, "{} rows are made", count().await);
    }
    assert_eq!(jobs.inserts.load(Ordering::Relaxed) - before, 1);
    let path = accepted[999]["links"]["self"].as_str().unwrap();
    assert_eq!(one.get(path).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_cancellation_that_comes_too_late_says_so() {
    let (one, _other, jobs) = two_servers().await;
    let (_, receipt) = one.post("/v1/evaluate", &evaluation()).await;
    let path = format!("{}/cancel", receipt["links"]["self"].as_str().unwrap());
    jobs.completes_at_cancel.store(true, Ordering::Relaxed);
    let (status, problem) = one.post(&path, &json!(null)).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("job_ended")),
        "{problem}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_for_a_moment_ends_no_stream() {
    let (one, _other, jobs) = two_servers().await;
    let (_, receipt) = one.post("/v1/evaluate", &evaluation()).await;
    let path = receipt["links"]["self"].as_str().unwrap();
    let events = one.request(Method::GET, receipt["links"]["events"].as_str().unwrap());
    let mut stream = events.send().await.unwrap();
    assert!(stream.chunk().await.unwrap().is_some(), "the job as it is");
    let poll = tokio::spawn(answer(one.request(Method::GET, &format!("{path}?wait=30"))));
    assert_eq!(
        jobs.finds.load(Ordering::Relaxed),
        0,
        "whoever waits is asked for with the others"
    );

    jobs.refuses_reads.store(true, Ordering::Relaxed);
    let (status, _) = poll.await.unwrap();
    assert_eq!(
        status,
        StatusCode::SERVICE_UNAVAILABLE,
        "who polls can ask again"
    );
    let looks = jobs.finds_of_many.load(Ordering::Relaxed);
    one.services
        .store
        .jobs
        .cancel(receipt["job_id"].as_str().unwrap().parse().unwrap())
        .await
        .unwrap();
    while jobs.finds_of_many.load(Ordering::Relaxed) == looks {
        tokio::task::yield_now().await;
    }
    jobs.refuses_reads.store(false, Ordering::Relaxed);
    let mut rest = Vec::new();
    while let Some(chunk) = stream.chunk().await.unwrap() {
        rest.extend(chunk);
    }
    let rest = String::from_utf8(rest).unwrap();
    assert!(rest.contains("event:end"), "{rest}");
}
