//! A service that runs, and commands that work on its database.

use std::io::{Seek as _, Write as _};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::run::{Run, command, run};
use crate::service::Service;

/// Longer than processes remember how an account stands.
pub(crate) const SOON: Duration = Duration::from_secs(15);

/// A service with its data.
pub(crate) struct Bench {
    pub(crate) service: Service,
    pub(crate) folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let service = Service::launch(&folder.path().join("data"), |command| {
            // Who waits for a change asks more often than people do.
            command.env("EVAL_RATE_WRITES", "off").stderr(Stdio::null())
        });
        Self { service, folder }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs a command on the service's database.
    pub(crate) fn tars(&self, arguments: &[&str]) -> Run {
        run(command(self.service.url(), "", arguments).env("TARS_DATA", self.data()))
    }

    /// The same with this on standard input.
    pub(crate) fn tars_with(&self, input: &str, arguments: &[&str]) -> Run {
        let mut file = tempfile::tempfile().expect("there is room for a file");
        file.write_all(input.as_bytes())
            .and_then(|()| file.rewind())
            .expect("there is room for a line");
        run(command(self.service.url(), "", arguments)
            .env("TARS_DATA", self.data())
            .stdin(Stdio::from(file)))
    }

    /// Runs a command with `--json` and gives its items.
    pub(crate) fn items(&self, arguments: &[&str]) -> Vec<Value> {
        let run = self.tars(&[arguments, &["--json"]].concat());
        let document: Value =
            serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("{}{}", run.out, run.err));
        document["items"]
            .as_array()
            .expect("a list has items")
            .clone()
    }

    /// Runs a client command that shows this token.
    pub(crate) fn client(&self, token: &str, arguments: &[&str]) -> Run {
        run(&mut command(self.service.url(), token, arguments))
    }

    /// Why the service soon refuses a token that it took until now.
    pub(crate) fn refusal_soon(&self, token: &str) -> String {
        let mut refusal = String::new();
        let refused = tars_chaos::eventually(SOON, || {
            let run = self.client(token, &["jobs", "list"]);
            refusal = run.err;
            run.code != 0
        });
        assert!(refused, "it is still taken");
        refusal
    }

    /// Asks the service; an empty token is none.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let request =
            reqwest::Client::new().request(method, format!("{}{path}", self.service.url()));
        let request = if token.is_empty() {
            request
        } else {
            request.bearer_auth(token)
        };
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let response = request.send().await.expect("the service answers");
        let status = response.status();
        let text = response.text().await.expect("the answer is complete");
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    pub(crate) async fn log_in(&self, username: &str, password: &str) -> (StatusCode, Value) {
        let body = json!({"username": username, "password": password});
        self.ask(Method::POST, "/auth/login", "", Some(body)).await
    }

    /// Logs in, which must succeed; gives the access token.
    pub(crate) async fn access_token(&self, username: &str, password: &str) -> String {
        let (status, tokens) = self.log_in(username, password).await;
        assert_eq!(status, StatusCode::OK, "{tokens}");
        tokens["access_token"]
            .as_str()
            .expect("a login gives a token")
            .to_owned()
    }

    /// Who this token says one is.
    pub(crate) async fn me(&self, token: &str) -> (StatusCode, Value) {
        self.ask(Method::GET, "/auth/me", token, None).await
    }
}
