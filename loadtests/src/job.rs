//! The jobs that a load submits: small, alike, and labelled, so that they are found again.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tars_client::Client;
use uuid::Uuid;

/// Runs of this program carry it.
pub(crate) const LABEL: &str = "load";
/// How long the jobs that are to be read may take.
const PREPARATION: Duration = Duration::from_mins(2);
/// Between two looks whether they have ended.
const LOOK: Duration = Duration::from_millis(50);
/// As many as one request may bring.
const BATCH: usize = 100;
/// Two layers of so many units, as the policies that people train for `CartPole`.
const WIDTH: usize = 64;

#[derive(Deserialize)]
struct Stored {
    artifact: String,
}

#[derive(Deserialize)]
struct Receipts {
    jobs: Vec<Receipt>,
}

/// The answer to a submission.
#[derive(Deserialize)]
pub(crate) struct Receipt {
    pub(crate) job_id: Uuid,
}

/// How much work an episode is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Work {
    /// The pole is kept up for all 500 steps by a network of two layers with 64 units.
    Whole,
    /// It falls after nine steps or so, and there is no network to speak of: what is left is the
    /// way around the evaluation.
    Least,
}

/// What names the stored policies.
#[derive(Debug)]
pub(crate) struct Policies {
    values: Value,
    logits: Value,
    least: Value,
}

impl Policies {
    /// Stores them.
    pub(crate) async fn store(client: &Client) -> anyhow::Result<Self> {
        Ok(Self {
            values: store(client, balancing("values")).await?,
            logits: store(client, balancing("logits")).await?,
            least: store(client, falling()).await?,
        })
    }

    /// One that this algorithm may have made.
    fn of(&self, agent: &str) -> &Value {
        match agent {
            "DQN" | "QRDQN" => &self.values,
            _ => &self.logits,
        }
    }
}

fn balancing(head: &str) -> Value {
    let mut policy = tars_chaos::workload::policy(WIDTH);
    policy["head"] = head.into();
    policy
}

/// It pushes to one side.
fn falling() -> Value {
    let layer = json!({"weight": [[0, 0, 0, 0], [0, 0, 0, 0]], "bias": [1, 0]});
    json!({"version": 1, "head": "values", "activation": "relu", "layers": [layer]})
}

async fn store(client: &Client, policy: Value) -> anyhow::Result<Value> {
    let stored: Stored = client
        .upload(policy.to_string().into_bytes())
        .await?
        .read()?;
    Ok(json!({"artifact": stored.artifact}))
}

/// A job of `CartPole` for this agent, with the label of this run.
pub(crate) fn evaluation(policies: &Policies, agent: &str, episodes: u32, run: &str) -> Value {
    json!({
        "agent_type": agent,
        "agent_state": policies.of(agent),
        "environments": ["CartPole-v1"],
        "num_episodes": episodes,
        "seed": 1,
        // The work is what is measured: no stored result answers.
        "reuse": false,
        "labels": {LABEL: run},
    })
}

/// A job of one episode.
pub(crate) fn single(policies: &Policies, work: Work, run: &str) -> Value {
    let mut single = evaluation(policies, "DQN", 1, run);
    if work == Work::Least {
        single["agent_state"] = policies.least.clone();
    }
    single
}

/// Submits these jobs and waits until they have ended.
pub(crate) async fn ended(client: &Client, evaluations: &[Value]) -> anyhow::Result<Vec<Uuid>> {
    let mut jobs = Vec::with_capacity(evaluations.len());
    for part in evaluations.chunks(BATCH) {
        let batch = json!({"evaluations": part});
        let key = Uuid::new_v4().to_string();
        let request = client.request(Method::POST, "/v1/evaluate/batch");
        let answer = request
            .header("Idempotency-Key", key)
            .json(&batch)
            .send()
            .await?;
        ensure!(
            answer.status().is_success(),
            "preparing jobs: {}",
            answer.text().await?
        );
        let receipts: Receipts = answer.json().await?;
        jobs.extend(receipts.jobs.into_iter().map(|receipt| receipt.job_id));
    }
    let begun = tokio::time::Instant::now();
    for job in &jobs {
        loop {
            let shown: Value = client.get(&format!("/v1/jobs/{job}"), &()).await?.read()?;
            match shown["status"].as_str().context("a job without a status")? {
                "completed" => break,
                "failed" | "cancelled" => {
                    bail!("job {job}, which was to be read, ended as {shown}")
                }
                _ => {}
            }
            ensure!(
                begun.elapsed() < PREPARATION,
                "the jobs to read have not ended: are there workers?"
            );
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(jobs)
}
