//! A server for each test, and how to ask it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tars_api::{Api, Config};
use tars_shared::clock::System;
use tars_shared::services::Services;
use tokio_util::sync::CancellationToken;

/// The API on embedded parts in a folder of its own.
pub(crate) struct Server {
    url: String,
    client: Client,
    pub(crate) services: Services,
    shutdown: CancellationToken,
    _data: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let services = Services::embedded(data.path(), Arc::new(System)).await.unwrap();
        let config = Config { host: IpAddr::V4(Ipv4Addr::LOCALHOST), port: 0 };
        let api = Api::bind(services.clone(), &config).await.unwrap();
        let url = format!("http://{}", api.address());
        let shutdown = CancellationToken::new();
        tokio::spawn(api.run(shutdown.clone()));
        Self { url, client: Client::new(), services, shutdown, _data: data }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).timeout(Duration::from_secs(30))
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        answer(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn post_with_key(&self, path: &str, key: &str, body: &Value) -> (StatusCode, Value) {
        answer(self.request(Method::POST, path).header("Idempotency-Key", key).json(body)).await
    }

    pub(crate) async fn jobs(&self) -> usize {
        let (_, listing) = self.get("/v1/jobs").await;
        listing["items"].as_array().unwrap().len()
    }
}

pub(crate) async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    assert_eq!(is_problem(&response), status.is_client_error() || status.is_server_error(), "{status}");
    (status, response.json().await.unwrap())
}

fn is_problem(response: &Response) -> bool {
    response.headers().get("content-type").is_some_and(|value| value == "application/problem+json")
}

pub(crate) fn policy() -> Value {
    json!({"format": "mlp-json", "data": {"layers": []}})
}

pub(crate) fn evaluation() -> Value {
    json!({"agent_type": "ppo", "agent_state": policy()})
}
