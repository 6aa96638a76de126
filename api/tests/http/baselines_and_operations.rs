//! Baselines, and what operators ask.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::server::{Server, evaluation};

#[tokio::test]
async fn baselines_are_added_and_ranked() {
    let server = Server::start().await;
    let baseline = |mean: f64| {
        json!({"agent_type": "dqn", "environment": "CartPole-v1", "mean_reward": mean, "std_reward": 2.0,
               "success_rate": 1.0, "n": 100})
    };
    for mean in [100.0, 300.0, 200.0] {
        assert_eq!(
            server.post("/v1/baselines", &baseline(mean)).await.0,
            StatusCode::CREATED
        );
    }
    let (_, top) = server
        .get("/v1/baselines/DQN?environment=CartPole-v1&top_n=2")
        .await;
    let means: Vec<_> = top["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["mean_reward"].clone())
        .collect();
    assert_eq!(means, [300.0, 200.0]);
    for (field, value) in [
        ("agent_type", json!("X")),
        ("environment", json!("Nowhere-v0")),
        ("std_reward", json!(-1.0)),
        ("success_rate", json!(1.5)),
        ("n", json!(0)),
        ("mean_reward", json!("high")),
    ] {
        let mut body = baseline(1.0);
        body[field] = value;
        let (status, problem) = server.post("/v1/baselines", &body).await;
        assert_eq!(
            status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{field} gave {problem}"
        );
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    assert_eq!(
        server.get("/v1/baselines").await.1["items"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[tokio::test]
async fn operators_see_health_and_the_ledger() {
    let server = Server::start().await;
    server.post("/v1/evaluate", &evaluation()).await;
    server.get("/v1/nothing").await;
    let (status, health) = server.get("/health").await;
    let head = server
        .request(Method::HEAD, "/health")
        .send()
        .await
        .unwrap();
    assert_eq!(head.status(), StatusCode::OK, "HEAD is answered as GET");
    assert_eq!(
        (status, &health["status"]),
        (StatusCode::OK, &json!("healthy"))
    );
    let metrics = server
        .request(Method::GET, "/metrics")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for line in [
        "tars_eval_jobs{status=\"queued\"} 1",
        "tars_eval_jobs_accepted_total{priority=\"normal\"} 1",
        "tars_eval_queue_depth{priority=\"normal\"} 1",
        "tars_eval_http_requests_total{method=\"POST\",route=\"/v1/evaluate\",status=\"202\"} 1",
        "tars_eval_http_requests_total{method=\"\",route=\"unmatched\",status=\"404\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}
