//! How many jobs a submitter may have open.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tars_api::Config;
use tars_api::config::Fairness;
use tars_shared::account::Role;
use tars_shared::backends::Backends;
use tars_shared::clock::System;
use tars_shared::services::Services;
use tars_shared::store::{Error, Submitters};

use crate::server::{Server, config, evaluation};

/// Far longer than it takes to ask the store again.
const LOST: Duration = Duration::from_secs(30);

fn limited(max_open_jobs: u64) -> Config {
    Config {
        fairness: Fairness {
            max_open_jobs,
            ..Fairness::default()
        },
        ..config()
    }
}

async fn server(max_open_jobs: u64) -> Server {
    Server::start_with(limited(max_open_jobs), Arc::new(System)).await
}

fn assert_refused((status, problem): (StatusCode, Value)) -> String {
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::TOO_MANY_REQUESTS, &json!("too_many_open_jobs")),
        "{problem}"
    );
    problem["detail"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_submitter_has_so_many_open_jobs_and_no_more() {
    let server = server(3).await;
    let mut jobs = Vec::new();
    for _ in 0..3 {
        let (status, receipt) = server.post("/v1/evaluate", &evaluation()).await;
        assert_eq!(status, StatusCode::ACCEPTED);
        jobs.push(receipt["job_id"].as_str().unwrap().to_owned());
    }
    let request = server.request(Method::POST, "/v1/evaluate");
    let response = request.json(&evaluation()).send().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "5");
    let detail = assert_refused(crate::server::read(response).await);
    assert!(
        detail.contains("you have 3 jobs") && detail.contains("may have 3"),
        "{detail}"
    );
    assert_eq!(server.jobs().await, 3, "nothing of it was accepted");

    let other = server.service_token("other", Role::Developer, None).await;
    let (status, _) = server.post_as(&other, "/v1/evaluate", &evaluation()).await;
    assert_eq!(status, StatusCode::ACCEPTED, "others have their own");

    let (status, _) = server
        .post(&format!("/v1/jobs/{}/cancel", jobs[0]), &json!({}))
        .await;
    assert!(status.is_success(), "{status}");
    let again = async {
        while server.post("/v1/evaluate", &evaluation()).await.0 != StatusCode::ACCEPTED {}
    };
    let again = tokio::time::timeout(LOST, again).await;
    again.expect("what has ended makes room");
    assert_refused(server.post("/v1/evaluate", &evaluation()).await);
}

#[tokio::test]
async fn each_part_of_a_batch_counts() {
    let server = server(4).await;
    let batch = |parts| json!({"evaluations": vec![evaluation(); parts]});
    let (status, _) = server.post("/v1/evaluate/batch", &batch(3)).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let detail = assert_refused(server.post("/v1/evaluate/batch", &batch(2)).await);
    assert!(detail.contains("submit these 2"), "{detail}");
    assert_eq!(server.jobs().await, 3, "all or none");
    let (status, _) = server.post("/v1/evaluate", &evaluation()).await;
    assert_eq!(status, StatusCode::ACCEPTED, "there is room for one");
}

#[tokio::test]
async fn what_is_recorded_already_may_come_again() {
    let server = server(1).await;
    let submit = async |key| {
        server
            .post_with_key("/v1/evaluate", key, &evaluation())
            .await
    };
    let (status, first) = submit("nightly").await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_refused(submit("another").await);
    let (status, again) = submit("nightly").await;
    assert_eq!((status, again), (StatusCode::ACCEPTED, first));
}

#[tokio::test]
async fn without_a_limit_nobody_is_turned_away() {
    let server = server(0).await;
    for _ in 0..10 {
        let (status, _) = server.post("/v1/evaluate", &evaluation()).await;
        assert_eq!(status, StatusCode::ACCEPTED);
    }
}

#[tokio::test]
async fn a_process_sees_what_another_one_lets_in() {
    let one = server(2).await;
    let two = Server::serve_beside(&one, one.services.clone(), limited(2)).await;
    for _ in 0..2 {
        let (status, _) = one.post("/v1/evaluate", &evaluation()).await;
        assert_eq!(status, StatusCode::ACCEPTED);
    }
    // Before it has asked the store it lets in as many as one submitter may have.
    let seen =
        async { while two.post("/v1/evaluate", &evaluation()).await.0 == StatusCode::ACCEPTED {} };
    let seen = tokio::time::timeout(LOST, seen).await;
    seen.expect("it turns them away");
    assert!(one.jobs().await <= 4);
}

/// A store that cannot count.
struct Away;

#[async_trait]
impl Submitters for Away {
    async fn open_jobs(&self, _subject: &str) -> Result<u64, Error> {
        Err(Error::Unavailable("the network is cut".to_owned()))
    }
}

#[tokio::test]
async fn a_store_that_cannot_count_turns_nobody_away() {
    let data = tempfile::tempdir().unwrap();
    let backends = Backends::embedded(data.path());
    let services = Services::open(&backends, Arc::new(System)).await;
    let mut services = services.unwrap();
    services.store.submitters = Arc::new(Away);
    let server = Server::serve(services, limited(1), data).await;
    for _ in 0..3 {
        let (status, _) = server.post("/v1/evaluate", &evaluation()).await;
        assert_eq!(status, StatusCode::ACCEPTED);
    }
}
