//! The API on real embedded parts, over real sockets. No worker runs: what is accepted stays queued.
#![expect(clippy::unwrap_used, reason = "the functions that tests share are tests too")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tars_api::{Api, Config};
use tars_shared::clock::System;
use tars_shared::services::Services;
use tars_shared::store::{Claim, ClaimTerms, Ending};
use tokio_util::sync::CancellationToken;

struct Server {
    url: String,
    client: Client,
    services: Services,
    shutdown: CancellationToken,
    _data: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Server {
    async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let services = Services::embedded(data.path(), Arc::new(System)).await.unwrap();
        let config = Config { host: IpAddr::V4(Ipv4Addr::LOCALHOST), port: 0 };
        let api = Api::bind(services.clone(), &config).await.unwrap();
        let url = format!("http://{}", api.address());
        let shutdown = CancellationToken::new();
        tokio::spawn(api.run(shutdown.clone()));
        Self { url, client: Client::new(), services, shutdown, _data: data }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).timeout(Duration::from_secs(30))
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.request(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        answer(self.request(Method::POST, path).json(body)).await
    }

    async fn post_with_key(&self, path: &str, key: &str, body: &Value) -> (StatusCode, Value) {
        answer(self.request(Method::POST, path).header("Idempotency-Key", key).json(body)).await
    }

    async fn jobs(&self) -> usize {
        let (_, listing) = self.get("/v1/jobs").await;
        listing["items"].as_array().unwrap().len()
    }
}

async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    assert_eq!(is_problem(&response), status.is_client_error() || status.is_server_error(), "{status}");
    (status, response.json().await.unwrap())
}

fn is_problem(response: &Response) -> bool {
    response.headers().get("content-type").is_some_and(|value| value == "application/problem+json")
}

fn policy() -> Value {
    json!({"format": "mlp-json", "data": {"layers": []}})
}

fn evaluation() -> Value {
    json!({"agent_type": "ppo", "agent_state": policy()})
}

#[tokio::test]
async fn an_accepted_evaluation_is_recorded_and_published_with_its_defaults() {
    let server = Server::start().await;
    let response = server.request(Method::POST, "/v1/evaluate").json(&evaluation()).send().await.unwrap();
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
    assert_eq!((&job["num_episodes"], &job["priority"]), (&json!(100), &json!("normal")));
    assert_eq!(job["progress"], json!({"episodes_done": 0, "episodes_total": 100}));
    assert_eq!(job["results"], json!([]));
    assert!(job["seed"].is_u64());
    let depths = server.services.queue.depths().await.unwrap();
    assert_eq!(depths.iter().map(|(_, depth)| depth).sum::<u64>(), 1);
}

/// Each row is a mistake and the field that the answer must name.
#[tokio::test]
async fn bad_values_are_named_and_change_nothing() {
    let server = Server::start().await;
    let mut with = Vec::new();
    for (field, value, named) in [
        ("agent_type", json!("SAC"), "agent_type"),
        ("agent_type", json!(7), "agent_type"),
        ("agent_state", json!({}), "agent_state"),
        ("agent_state", json!({"data": "AAAA"}), "agent_state.format"),
        ("agent_state", json!({"format": "sb3-zip", "data": "*"}), "agent_state.data"),
        ("agent_state", json!({"format": "sb3-zip", "data": ""}), "agent_state.data"),
        ("agent_state", json!({"format": "pickle", "data": "AAAA"}), "agent_state.format"),
        ("agent_state", json!({"artifact": "abc"}), "agent_state.artifact"),
        ("agent_state", json!({"artifact": "0".repeat(64)}), "agent_state.artifact"),
        ("agent_state", json!({"artifact": "0".repeat(64), "data": "AAAA"}), "agent_state"),
        ("environments", json!([]), "environments"),
        ("environments", json!(["CartPole-v1", "Nowhere-v0"]), "environments[1]"),
        ("environments", json!(["CartPole-v1", "CartPole-v1"]), "environments[1]"),
        ("environments", json!(vec!["CartPole-v1"; 17]), "environments"),
        ("environments", json!("CartPole-v1"), "environments"),
        ("num_episodes", json!(0), "num_episodes"),
        ("num_episodes", json!(1001), "num_episodes"),
        ("num_episodes", json!(1.5), "num_episodes"),
        ("seed", json!(-1), "seed"),
        ("seed", json!(1_u64 << 53), "seed"),
        ("timeout_seconds", json!(0), "timeout_seconds"),
        ("priority", json!("urgent"), "priority"),
        ("labels", json!({"a": "x".repeat(257)}), "labels.a"),
        ("labels", json!({"": "x"}), "labels"),
        ("hyperparameters", json!({"lr": [1]}), "hyperparameters.lr"),
        (
            "hyperparameters",
            json!((0..65).map(|i| (i.to_string(), i)).collect::<std::collections::HashMap<_, _>>()),
            "hyperparameters",
        ),
        ("num_epsiodes", json!(5), "num_epsiodes"),
    ] {
        let mut body = evaluation();
        body[field] = value;
        with.push((body, named));
    }
    for (body, named) in with {
        let (status, problem) = server.post("/v1/evaluate", &body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body} gave {problem}");
        assert_eq!(problem["code"], "invalid_value");
        assert_eq!(problem["errors"][0]["field"], named, "{body} gave {problem}");
        let (status, problem) = server.post("/v1/evaluate/batch", &json!({"evaluations": [evaluation(), body]})).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        let field = problem["errors"][0]["field"].as_str().unwrap();
        assert_eq!(field, format!("evaluations[1].{named}"));
    }
    assert_eq!(server.jobs().await, 0);
}

#[tokio::test]
async fn what_is_not_json_is_malformed_and_other_types_are_unsupported() {
    let server = Server::start().await;
    let post = |body: &'static str| server.request(Method::POST, "/v1/evaluate").body(body);
    let json_type = ("content-type", "application/json");
    for body in ["", "{", "[1]]", "nonsense"] {
        let (status, problem) = answer(post(body).header(json_type.0, json_type.1)).await;
        assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!("malformed")), "{body}");
    }
    let (status, problem) = answer(post("{}")).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNSUPPORTED_MEDIA_TYPE, &json!("unsupported_media_type")));
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let body = format!(r#"{{"agent_type": "DQN", "agent_state": {{"format": "mlp-json", "data": {nested}}}}}"#);
    let request = server.request(Method::POST, "/v1/evaluate").body(body).header(json_type.0, json_type.1);
    let (status, problem) = answer(request).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "deep nesting is never unfolded");
    assert_eq!(problem["errors"][0]["field"], "agent_state.data");
}

#[tokio::test]
async fn a_missing_field_is_named() {
    let server = Server::start().await;
    for (path, body, named) in [
        ("/v1/evaluate", json!([]), "(body)"),
        ("/v1/evaluate", json!({}), "agent_type"),
        ("/v1/evaluate", json!({"agent_type": "DQN"}), "agent_state"),
        ("/v1/evaluate/batch", json!({"evaluations": [{}]}), "evaluations[0].agent_type"),
        ("/v1/baselines", json!({"agent_type": "DQN"}), "environment"),
    ] {
        let (status, problem) = server.post(path, &body).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(named)));
    }
}

#[tokio::test]
async fn bodies_are_bounded() {
    let server = Server::start().await;
    let body = vec![0; 10 * 1024 * 1024 + 1];
    let put = server.request(Method::PUT, "/v1/artifacts").header("content-type", "application/octet-stream");
    let (status, problem) = answer(put.body(body)).await;
    assert_eq!((status, &problem["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("payload_too_large")));
}

#[tokio::test]
async fn an_idempotency_key_gives_one_job() {
    let server = Server::start().await;
    let (status, first) = server.post_with_key("/v1/evaluate", "nightly", &evaluation()).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let (status, second) = server.post_with_key("/v1/evaluate", "nightly", &evaluation()).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(first, second, "same key and same body: the same job");
    let mut other = evaluation();
    other["num_episodes"] = json!(5);
    let (status, problem) = server.post_with_key("/v1/evaluate", "nightly", &other).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("idempotency_key_reused")));
    for key in [" ".to_owned(), "k".repeat(256)] {
        assert_eq!(server.post_with_key("/v1/evaluate", &key, &evaluation()).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(server.jobs().await, 1);
    server.post("/v1/evaluate", &evaluation()).await;
    server.post("/v1/evaluate", &evaluation()).await;
    assert_eq!(server.jobs().await, 3, "without a key every request is a new job");
}

#[tokio::test]
async fn a_batch_is_accepted_whole_and_its_key_covers_every_part() {
    let server = Server::start().await;
    let batch = json!({"evaluations": [evaluation(), evaluation(), evaluation()]});
    let (status, receipts) = server.post_with_key("/v1/evaluate/batch", "sweep", &batch).await;
    assert_eq!((status, receipts["jobs"].as_array().unwrap().len()), (StatusCode::ACCEPTED, 3));
    assert_eq!(server.post_with_key("/v1/evaluate/batch", "sweep", &batch).await.1, receipts);
    assert_eq!(server.jobs().await, 3);
    let part = |episodes| json!({"agent_type": "PPO", "agent_state": policy(), "num_episodes": episodes});
    for other in [json!([part(1)]), json!([evaluation(), evaluation()]), json!([evaluation(), part(1), evaluation()])] {
        let (status, problem) =
            server.post_with_key("/v1/evaluate/batch", "sweep", &json!({"evaluations": other})).await;
        assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("idempotency_key_reused")));
    }
    assert_eq!(server.post_with_key("/v1/evaluate", "sweep", &evaluation()).await.0, StatusCode::CONFLICT);
    assert_eq!(server.jobs().await, 3, "nothing of them is recorded");
    for size in [0, 101] {
        let batch = json!({"evaluations": vec![evaluation(); size]});
        let (status, problem) = server.post("/v1/evaluate/batch", &batch).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("evaluations")));
    }
}

#[tokio::test]
async fn artifacts_are_named_by_their_content_and_can_be_submitted() {
    let server = Server::start().await;
    let put = || {
        let request = server.request(Method::PUT, "/v1/artifacts");
        request.header("content-type", "application/octet-stream").body("policy bytes")
    };
    let (status, stored) = answer(put()).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(answer(put()).await, (StatusCode::OK, stored.clone()), "the same bytes are the same artifact");
    let body = json!({"agent_type": "DQN", "agent_state": {"artifact": stored["artifact"]}});
    assert_eq!(server.post("/v1/evaluate", &body).await.0, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn listings_come_in_pages_and_refuse_unknown_parameters() {
    let server = Server::start().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.insert(0, server.post("/v1/evaluate", &evaluation()).await.1["job_id"].clone());
    }
    let mut path = "/v1/jobs?limit=2".to_owned();
    let mut seen = Vec::new();
    loop {
        let (_, page) = server.get(&path).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|job| job["job_id"].clone()));
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
        "agent_type=SAC",
        "label=x",
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
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("not_retryable")));
    for _ in 0..2 {
        let (status, job) = server.post(&format!("{path}/cancel"), &Value::Null).await;
        assert_eq!((status, &job["status"]), (StatusCode::OK, &json!("cancelled")), "cancelling twice is no error");
    }
    let (status, first) = server.post(&format!("{path}/retry"), &Value::Null).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let (_, second) = server.post(&format!("{path}/retry"), &Value::Null).await;
    assert_eq!(first["job_id"], second["job_id"]);
    let (_, job) = server.get(&path).await;
    let (_, retried) = server.get(first["links"]["self"].as_str().unwrap()).await;
    assert_eq!((&retried["retry_of"], &retried["seed"]), (&job["job_id"], &job["seed"]));
    assert_eq!(job["status"], "cancelled", "what has ended stays as it ended");
}

#[tokio::test]
async fn a_long_poll_returns_when_the_job_ends() {
    let server = Server::start().await;
    let (_, receipt) = server.post("/v1/evaluate", &evaluation()).await;
    let path = receipt["links"]["self"].as_str().unwrap().to_owned();
    let id = receipt["job_id"].as_str().unwrap().parse().unwrap();
    let poll = tokio::spawn(answer(server.request(Method::GET, &format!("{path}?wait=30"))));
    let events = server.request(Method::GET, &format!("{path}/events")).send().await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");

    let submission = server.services.store.jobs.submission(id).await.unwrap().unwrap();
    let terms = ClaimTerms { worker: "w", redelivered: false, term: Duration::from_mins(1), max_attempts: 1 };
    let claim = server.services.store.leases.claim(&submission, &terms).await.unwrap();
    let Claim::Granted { lease, .. } = claim else { panic!("{claim:?}") };
    server.services.store.leases.finish(lease, &Ending::Completed(Vec::new())).await.unwrap();

    let (_, job) = poll.await.unwrap();
    assert_eq!(job["status"], "completed");
    let stream = events.text().await.unwrap();
    assert!(stream.starts_with("event:progress") && stream.contains("event:end"), "{stream}");
    assert_eq!(server.get(&format!("{path}?wait=61")).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let (status, problem) = server.post(&format!("{path}/cancel"), &Value::Null).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("job_ended")));
}

#[tokio::test]
async fn baselines_are_added_and_ranked() {
    let server = Server::start().await;
    let baseline = |mean: f64| {
        json!({"agent_type": "dqn", "environment": "CartPole-v1", "mean_reward": mean, "std_reward": 2.0,
               "success_rate": 1.0, "n": 100})
    };
    for mean in [100.0, 300.0, 200.0] {
        assert_eq!(server.post("/v1/baselines", &baseline(mean)).await.0, StatusCode::CREATED);
    }
    let (_, top) = server.get("/v1/baselines/DQN?environment=CartPole-v1&top_n=2").await;
    let means: Vec<_> = top["items"].as_array().unwrap().iter().map(|item| item["mean_reward"].clone()).collect();
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
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{field} gave {problem}");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    assert_eq!(server.get("/v1/baselines").await.1["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn other_sites_and_other_routes_are_turned_away() {
    let server = Server::start().await;
    let jobs = || server.request(Method::GET, "/v1/jobs");
    for request in [jobs().header("host", "evil.example"), jobs().header("origin", "https://evil.example")] {
        assert_eq!(answer(request).await.0, StatusCode::FORBIDDEN);
    }
    assert_eq!(answer(jobs().header("origin", "http://localhost:3000")).await.0, StatusCode::OK);
    assert_eq!(server.get("/v1/nothing").await.0, StatusCode::NOT_FOUND);
    assert_eq!(answer(server.request(Method::DELETE, "/v1/jobs")).await.0, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn operators_see_health_and_the_ledger() {
    let server = Server::start().await;
    server.post("/v1/evaluate", &evaluation()).await;
    server.get("/v1/nothing").await;
    let (status, health) = server.get("/health").await;
    let head = server.request(Method::HEAD, "/health").send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK, "HEAD is answered as GET");
    assert_eq!((status, &health["status"]), (StatusCode::OK, &json!("healthy")));
    let metrics = server.request(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
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
