//! What is accepted, and under which key.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::server::{Server, answer, evaluation, policy};

#[tokio::test]
async fn an_accepted_evaluation_is_recorded_and_published_with_its_defaults() {
    let server = Server::start().await;
    let response = server
        .request(Method::POST, "/v1/evaluate")
        .json(&evaluation())
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let receipt: Value = response.json().await.unwrap();
    assert_eq!(receipt["status"], "queued");
    assert_eq!(receipt["links"]["self"], location);

    let (status, job) = server.get(&location).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(job["job_id"], receipt["job_id"]);
    assert_eq!(job["agent_type"], "PPO", "upper case out");
    assert_eq!(job["environments"], json!(["CartPole-v1"]));
    assert_eq!(
        (&job["num_episodes"], &job["priority"]),
        (&json!(100), &json!("normal"))
    );
    assert_eq!(
        job["progress"],
        json!({"episodes_done": 0, "episodes_total": 100})
    );
    assert_eq!(job["results"], json!([]));
    assert!(job["seed"].is_u64());
    let depths = server.services.queue.depths().await.unwrap();
    assert_eq!(depths.iter().map(|(_, depth)| depth).sum::<u64>(), 1);
}

#[tokio::test]
async fn an_idempotency_key_gives_one_job() {
    let server = Server::start().await;
    let (status, first) = server
        .post_with_key("/v1/evaluate", "nightly", &evaluation())
        .await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let (status, second) = server
        .post_with_key("/v1/evaluate", "nightly", &evaluation())
        .await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(first, second, "same key and same body: the same job");
    let mut other = evaluation();
    other["num_episodes"] = json!(5);
    let (status, problem) = server
        .post_with_key("/v1/evaluate", "nightly", &other)
        .await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("idempotency_key_reused"))
    );
    for key in [" ".to_owned(), "k".repeat(256)] {
        assert_eq!(
            server
                .post_with_key("/v1/evaluate", &key, &evaluation())
                .await
                .0,
            StatusCode::UNPROCESSABLE_ENTITY
        );
    }
    assert_eq!(server.jobs().await, 1);
    server.post("/v1/evaluate", &evaluation()).await;
    server.post("/v1/evaluate", &evaluation()).await;
    assert_eq!(
        server.jobs().await,
        3,
        "without a key every request is a new job"
    );
}

#[tokio::test]
async fn a_batch_is_accepted_whole_and_its_key_covers_every_part() {
    let server = Server::start().await;
    let batch = json!({"evaluations": [evaluation(), evaluation(), evaluation()]});
    let (status, receipts) = server
        .post_with_key("/v1/evaluate/batch", "sweep", &batch)
        .await;
    assert_eq!(
        (status, receipts["jobs"].as_array().unwrap().len()),
        (StatusCode::ACCEPTED, 3)
    );
    assert_eq!(
        server
            .post_with_key("/v1/evaluate/batch", "sweep", &batch)
            .await
            .1,
        receipts
    );
    assert_eq!(server.jobs().await, 3);
    let part =
        |episodes| json!({"agent_type": "PPO", "agent_state": policy(), "num_episodes": episodes});
    for other in [
        json!([part(1)]),
        json!([evaluation(), evaluation()]),
        json!([evaluation(), part(1), evaluation()]),
    ] {
        let (status, problem) = server
            .post_with_key(
                "/v1/evaluate/batch",
                "sweep",
                &json!({"evaluations": other}),
            )
            .await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::CONFLICT, &json!("idempotency_key_reused"))
        );
    }
    assert_eq!(
        server
            .post_with_key("/v1/evaluate", "sweep", &evaluation())
            .await
            .0,
        StatusCode::CONFLICT
    );
    assert_eq!(server.jobs().await, 3, "nothing of them is recorded");
    for size in [0, 101] {
        let batch = json!({"evaluations": vec![evaluation(); size]});
        let (status, problem) = server.post("/v1/evaluate/batch", &batch).await;
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("evaluations"))
        );
    }
}

#[tokio::test]
async fn artifacts_are_named_by_their_content_and_can_be_submitted() {
    let server = Server::start().await;
    let put = || {
        let request = server.request(Method::PUT, "/v1/artifacts");
        request
            .header("content-type", "application/octet-stream")
            .body("policy bytes")
    };
    let (status, stored) = answer(put()).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(
        answer(put()).await,
        (StatusCode::OK, stored.clone()),
        "the same bytes are the same artifact"
    );
    let body = json!({"agent_type": "DQN", "agent_state": {"artifact": stored["artifact"]}});
    assert_eq!(
        server.post("/v1/evaluate", &body).await.0,
        StatusCode::ACCEPTED
    );
}
