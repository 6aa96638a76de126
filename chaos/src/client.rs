//! A client that trusts nobody: it keeps a ledger, and checks the service against it.

use crate::ledger::{Fate, Ledger};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// An answer that has not come by then is unknown, never failed.
const TIMEOUT: Duration = Duration::from_secs(6);
/// The pause before an unknown submission is sent again.
const PAUSE: Duration = Duration::from_millis(20);

/// A client with its ledger. Clones share it.
#[derive(Clone, Debug)]
pub struct Client {
    service: tars_client::Client,
    ledger: Arc<Ledger>,
}

/// What the service says of all jobs together.
#[derive(Debug, PartialEq, Eq)]
pub struct Conservation {
    /// Jobs by status.
    pub by_status: BTreeMap<String, u64>,
}

impl Conservation {
    /// Jobs in this status.
    pub fn count(&self, status: &str) -> u64 {
        self.by_status.get(status).copied().unwrap_or_default()
    }

    /// All jobs.
    pub fn total(&self) -> u64 {
        self.by_status.values().sum()
    }
}

impl Client {
    /// A client of the service at this URL, with an empty ledger, that shows this token.
    ///
    /// # Panics
    /// When this is no URL of a service, or no header can hold the token.
    pub fn of(url: &str, token: &str) -> Self {
        let address = url.parse().expect("the address of a service");
        Self {
            service: tars_client::Client::new(address, Some(token)).expect("a token is plain text"),
            ledger: Arc::default(),
        }
    }

    /// What it has seen.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Asks for something; `None` when no answer came.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Option<(StatusCode, Value)> {
        let request = self.service.request(method, path).timeout(TIMEOUT);
        let request = if let Some(body) = body {
            request.json(body)
        } else {
            request
        };
        let response = request.send().await.ok()?;
        let status = response.status();
        Some((status, response.json().await.ok()?))
    }

    /// Asks for something again and again until it is accepted, which its key makes harmless.
    ///
    /// # Panics
    /// When that takes longer than `limit`.
    pub async fn insist(&self, path: &str, key: &str, body: &Value, limit: Duration) -> Value {
        let end = Instant::now() + limit;
        loop {
            let request = self.service.request(Method::POST, path).timeout(TIMEOUT);
            let request = request.header("Idempotency-Key", key).json(body);
            if let Ok(response) = request.send().await
                && response.status() == StatusCode::ACCEPTED
                && let Ok(accepted) = response.json().await
            {
                return accepted;
            }
            assert!(
                Instant::now() < end,
                "{path} is not accepted after {limit:?}"
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Reads something; `None` when no answer came.
    pub async fn get(&self, path: &str) -> Option<Response> {
        self.service
            .request(Method::GET, path)
            .timeout(TIMEOUT)
            .send()
            .await
            .ok()
    }

    /// Submits once; gives the job if it was accepted.
    pub async fn submit(&self, body: &Value) -> Option<String> {
        let key = self.ledger.open(body);
        self.send(&key, body).await
    }

    /// Submits again and again, as fast as answers come, until it is `over`.
    pub async fn keep_submitting(&self, body: &Value, over: &AtomicBool) {
        while !over.load(Ordering::Relaxed) {
            if self.submit(body).await.is_none() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn send(&self, key: &str, body: &Value) -> Option<String> {
        let request = self
            .service
            .request(Method::POST, "/v1/evaluate")
            .header("Idempotency-Key", key);
        let response = request.json(body).timeout(TIMEOUT).send().await.ok()?;
        let status = response.status();
        if status != StatusCode::ACCEPTED {
            self.ledger.note(key, Fate::Refused(status.as_u16()));
            return None;
        }
        let receipt: Value = response.json().await.ok()?;
        let job = receipt["job_id"].as_str()?.to_owned();
        self.ledger.note(key, Fate::Accepted(job.clone()));
        Some(job)
    }

    /// The job, if the service shows it.
    pub async fn job(&self, id: &str) -> Option<Value> {
        self.document(&format!("/v1/jobs/{id}")).await
    }

    /// A document, if the service shows it.
    async fn document(&self, path: &str) -> Option<Value> {
        let (status, document) = self.ask(Method::GET, path, None).await?;
        (status == StatusCode::OK).then_some(document)
    }

    /// The job as soon as `seen` says that it has come that far.
    ///
    /// # Panics
    /// When it has not come that far after `limit`.
    pub async fn follow(&self, id: &str, limit: Duration, seen: impl Fn(&Value) -> bool) -> Value {
        self.watch(&format!("/v1/jobs/{id}"), limit, seen).await
    }

    /// A document as soon as `seen` says that it has come that far.
    ///
    /// # Panics
    /// When it has not come that far after `limit`.
    pub async fn watch(
        &self,
        path: &str,
        limit: Duration,
        mut seen: impl FnMut(&Value) -> bool,
    ) -> Value {
        let end = Instant::now() + limit;
        let mut last = None;
        loop {
            last = self.document(path).await.or(last);
            if let Some(document) = last.as_ref().filter(|document| seen(document)) {
                return document.clone();
            }
            assert!(
                Instant::now() < end,
                "{path} has not come that far after {limit:?}: {last:?}"
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Stores a policy; gives the `agent_state` that names it.
    ///
    /// # Panics
    /// When the service does not take it.
    pub async fn store(&self, policy: &Value) -> Value {
        let request = self
            .service
            .request(Method::PUT, "/v1/artifacts")
            .body(policy.to_string());
        let request = request.header("Content-Type", "application/octet-stream");
        let stored: Value = request
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("a document");
        json!({"artifact": stored["artifact"]})
    }

    /// Jobs by status, as the metrics show them.
    pub async fn conservation(&self) -> Option<Conservation> {
        let text = self.get("/metrics").await?.text().await.ok()?;
        let line = |line: &str| {
            let (status, count) = line
                .strip_prefix("tars_eval_jobs{status=\"")?
                .split_once("\"} ")?;
            Some((status.to_owned(), count.parse().ok()?))
        };
        Some(Conservation {
            by_status: text.lines().filter_map(line).collect(),
        })
    }

    /// Sends every submission again that has no 202 yet, until it has one: that is what a key is
    /// for.
    ///
    /// # Panics
    /// When that takes longer than `limit`.
    pub async fn settle(&self, limit: Duration) {
        let end = Instant::now() + limit;
        for (key, entry) in self.ledger.entries() {
            while !matches!(entry.fate, Fate::Accepted(_))
                && self.send(&key, &entry.body).await.is_none()
            {
                assert!(
                    Instant::now() < end,
                    "{key} is not accepted after {limit:?}"
                );
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Holds the service to its word: every submission that was ever sent ends as exactly one job,
    /// no end changes, nothing else is there, and the jobs in each status add up. Gives the jobs at
    /// their ends.
    ///
    /// # Panics
    /// When the service broke its word, or has not kept it after `limit`.
    pub async fn hold_to_account(&self, limit: Duration) -> Vec<Value> {
        self.settle(limit).await;
        let accepted = self.ledger.accepted();
        let distinct: BTreeSet<_> = accepted.iter().cloned().collect();
        assert_eq!(
            distinct.len(),
            self.ledger.entries().len(),
            "every submission is a job of its own"
        );
        let mut jobs = Vec::with_capacity(accepted.len());
        for id in &accepted {
            let job = self.follow(id, limit, has_ended).await;
            self.ledger.note_end(id, &job);
            jobs.push(job);
        }
        // Long after the first of them was seen, none of them has changed.
        for id in &accepted {
            let job = self.follow(id, limit, |_| true).await;
            self.ledger.note_end(id, &job);
        }
        assert_eq!(
            self.all_jobs().await,
            distinct,
            "the service shows these jobs and no others"
        );
        let conservation = self.conservation().await.expect("the service answers");
        assert_eq!(
            conservation.total(),
            distinct.len() as u64,
            "accepted is all that there is: {conservation:?}"
        );
        assert_eq!(
            (conservation.count("queued"), conservation.count("running")),
            (0, 0),
            "{conservation:?}"
        );
        jobs
    }

    /// The ids of all jobs that the service shows.
    async fn all_jobs(&self) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/v1/jobs?limit=100{cursor}");
            let (_, page) = self
                .ask(Method::GET, &path, None)
                .await
                .expect("the service answers");
            let items = page["items"].as_array().expect("a listing has items");
            for id in items.iter().filter_map(|job| job["job_id"].as_str()) {
                assert!(ids.insert(id.to_owned()), "job {id} is listed twice");
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return ids,
            }
        }
    }
}

/// Whether a job has ended.
pub fn has_ended(job: &Value) -> bool {
    matches!(
        job["status"].as_str(),
        Some("completed" | "failed" | "cancelled")
    )
}
