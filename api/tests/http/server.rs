//! A server for each test, and how to ask it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tars_api::config::{Fairness, Limits, Secrets};
use tars_api::{Api, Config};
use tars_client::Client;
use tars_shared::account::{Actor, Name, NewServiceToken, NewUser, Role, password};
use tars_shared::backends::Backends;
use tars_shared::clock::{Clock, System};
use tars_shared::dead_letter::Keeping;
use tars_shared::limiter::Rate;
use tars_shared::mode::Mode;
use tars_shared::services::Services;
use tars_shared::webhook::Webhooks;
use tokio_util::sync::CancellationToken;

/// What the tokens of every test server are signed with.
pub(crate) const JWT_SECRET: &str = "a-test-signs-with-this-9f8e7d6c5b4a39281706";
/// The password of every user of a test.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// The API on parts of its own.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    client: Client,
    /// The token that requests carry unless they say otherwise: an administrator's.
    token: String,
    pub(crate) services: Services,
    shutdown: CancellationToken,
    data: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// No limits, so that tests of other things meet none.
pub(crate) fn unlimited() -> Limits {
    Limits {
        public: Rate::OFF,
        probes: Rate::OFF,
        auth: Rate::OFF,
        login: Rate::OFF,
        lookups: Rate::OFF,
        writes: Rate::OFF,
        reads: Rate::OFF,
        tokens: Rate::OFF,
    }
}

pub(crate) fn config() -> Config {
    Config {
        host: IpAddr::V4(Ipv4Addr::LOCALHOST),
        port: 0,
        secrets: Secrets {
            jwt_secret_key: Some(JWT_SECRET.to_owned()),
            admin_name: "admin".parse().unwrap(),
            admin_password: None,
        },
        trusted_proxies: Vec::new(),
        cors_origins: Vec::new(),
        max_connections: 1000,
        max_connections_per_address: 1000,
        scale_target_seconds: 30,
        overdue_high_seconds: 300,
        overdue_normal_seconds: 3600,
        overdue_low_seconds: 86_400,
        header_timeout_seconds: 10,
        job_cache_mib: 64,
        keeping: Keeping::default(),
        fairness: Fairness::default(),
        limits: unlimited(),
        webhooks: Webhooks::default(),
    }
}

impl Server {
    /// On embedded parts, without limits.
    pub(crate) async fn start() -> Self {
        Self::start_with(config(), Arc::new(System)).await
    }

    pub(crate) async fn start_with(config: Config, clock: Arc<dyn Clock>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let services = Services::open(&Backends::embedded(data.path()), clock)
            .await
            .unwrap();
        Self::serve(services, config, data).await
    }

    /// On these parts.
    pub(crate) async fn serve(services: Services, config: Config, data: tempfile::TempDir) -> Self {
        let api = Api::bind(services.clone(), &config, Mode::Production)
            .await
            .unwrap();
        let address = api.address();
        let shutdown = CancellationToken::new();
        tokio::spawn(api.run(shutdown.clone()));
        let client = client_of(address);
        let mut server = Self {
            address,
            client,
            token: String::new(),
            services,
            shutdown,
            data,
        };
        server.token = server.service_token("test", Role::Admin, None).await;
        server
    }

    /// Another API process on the parts of `other`.
    pub(crate) async fn serve_beside(other: &Self, services: Services, config: Config) -> Self {
        let api = Api::bind(services.clone(), &config, Mode::Production)
            .await
            .unwrap();
        let address = api.address();
        let shutdown = CancellationToken::new();
        tokio::spawn(api.run(shutdown.clone()));
        Self {
            address,
            client: client_of(address),
            token: other.token.clone(),
            services,
            shutdown,
            data: tempfile::tempdir().unwrap(),
        }
    }

    /// The database file of embedded parts.
    pub(crate) fn database(&self) -> std::path::PathBuf {
        self.data.path().join("tars.db")
    }

    /// A fresh service token.
    pub(crate) async fn service_token(
        &self,
        name: &str,
        role: Role,
        requests_per_minute: Option<u32>,
    ) -> String {
        let (new, secret) = NewServiceToken::make(
            &*self.services.clock,
            name.parse().unwrap(),
            role,
            requests_per_minute,
            None,
        )
        .unwrap();
        self.services
            .store
            .service_tokens
            .add(&new, &Actor::command())
            .await
            .unwrap()
            .unwrap();
        secret.expose().to_owned()
    }

    /// A fresh user with [`PASSWORD`].
    pub(crate) async fn user(&self, name: &str, role: Role) -> Name {
        let name: Name = name.parse().unwrap();
        let new = NewUser {
            name: name.clone(),
            role,
            password_hash: password::hash(PASSWORD).unwrap(),
        };
        self.services
            .store
            .users
            .add(&new, &Actor::command())
            .await
            .unwrap()
            .unwrap();
        name
    }

    /// What the login of a user answers.
    pub(crate) async fn log_in(&self, name: &str) -> Value {
        let (status, tokens) = self.try_log_in(name, PASSWORD).await;
        assert_eq!(status, StatusCode::OK, "{tokens}");
        tokens
    }

    pub(crate) async fn try_log_in(&self, name: &str, password: &str) -> (StatusCode, Value) {
        let body = json!({"username": name, "password": password});
        answer(self.anonymous(Method::POST, "/auth/login").json(&body)).await
    }

    /// The administrator's token.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// A request without credentials.
    pub(crate) fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, path)
            .timeout(Duration::from_secs(30))
    }

    /// A request of an administrator.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.request(Method::GET, path)).await
    }

    pub(crate) async fn get_as(&self, token: &str, path: &str) -> (StatusCode, Value) {
        answer(self.anonymous(Method::GET, path).bearer_auth(token)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        answer(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn post_as(
        &self,
        token: &str,
        path: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        answer(
            self.anonymous(Method::POST, path)
                .bearer_auth(token)
                .json(body),
        )
        .await
    }

    pub(crate) async fn post_with_key(
        &self,
        path: &str,
        key: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        answer(
            self.request(Method::POST, path)
                .header("Idempotency-Key", key)
                .json(body),
        )
        .await
    }

    pub(crate) async fn jobs(&self) -> usize {
        let (_, listing) = self.get("/v1/jobs").await;
        listing["items"].as_array().unwrap().len()
    }
}

/// A client without credentials.
fn client_of(address: SocketAddr) -> Client {
    Client::new(format!("http://{address}").parse().unwrap(), None).unwrap()
}

/// The answer to a request: a problem document if and only if it is an error.
pub(crate) async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    read(request.send().await.unwrap()).await
}

pub(crate) async fn read(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    assert_eq!(
        is_problem(&response),
        status.is_client_error() || status.is_server_error(),
        "{status}"
    );
    let bytes = response.bytes().await.unwrap();
    (
        status,
        if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).unwrap()
        },
    )
}

fn is_problem(response: &Response) -> bool {
    response
        .headers()
        .get("content-type")
        .is_some_and(|value| value == "application/problem+json")
}

pub(crate) fn policy() -> Value {
    json!({"format": "mlp-json", "data": {"layers": []}})
}

pub(crate) fn evaluation() -> Value {
    json!({"agent_type": "ppo", "agent_state": policy()})
}
