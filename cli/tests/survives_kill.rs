//! `kill -9` at random moments loses no accepted job and finishes none twice: the real binary, its
//! real database file.

#[path = "support/service.rs"]
mod service;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use service::Service;
use tars_engine::seeding::Generator;

/// How often the service is killed.
const KILLS: u32 = 12;
/// Submissions of one life; it is killed after a random number of answers.
const SUBMISSIONS: u32 = 24;

/// The client's side of the story, written before each request leaves.
#[derive(Default)]
struct Ledger {
    /// Every key that was ever sent.
    sent: BTreeSet<String>,
    /// The job of every key that was answered with 202.
    accepted: BTreeMap<String, String>,
    /// What a job looked like when it was first seen at its end.
    ended: BTreeMap<String, Value>,
}

/// A client with the token of the first life, which holds in all of them.
struct Caller {
    http: Client,
    token: String,
}

fn evaluation() -> Value {
    let layer =
        json!({"weight": [[0.0, 0.0, -1.0, -0.5], [0.0, 0.0, 1.0, 0.5]], "bias": [0.0, 0.0]});
    json!({
        "agent_type": "DQN",
        "agent_state": {"format": "mlp-json", "data": {"version": 1, "head": "values", "activation": "relu", "layers": [layer]}},
        "environments": ["CartPole-v1"],
        "num_episodes": 400,
        "seed": 1,
    })
}

/// Submits under a key. `None`: the answer never came, so the job may or may not be accepted.
async fn submit(client: &Caller, url: &str, key: &str) -> Option<String> {
    let request = client
        .http
        .post(format!("{url}/v1/evaluate"))
        .bearer_auth(&client.token)
        .header("Idempotency-Key", key)
        .json(&evaluation());
    let response = request.send().await.ok()?;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let receipt: Value = response.json().await.ok()?;
    Some(
        receipt["job_id"]
            .as_str()
            .expect("a receipt names the job")
            .to_owned(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_accepted_job_ends_once_whenever_the_service_is_killed() {
    let data = tempfile::tempdir().unwrap();
    let mut client = Caller {
        http: Client::new(),
        token: String::new(),
    };
    let mut random = Generator::new(20_261_123);
    let mut ledger = Ledger::default();
    for life in 0..KILLS {
        let mut service = Service::start(data.path());
        if let Some(token) = service.token() {
            token.clone_into(&mut client.token);
        }
        let answers_before_the_kill = random.integers_below(SUBMISSIONS);
        for number in 0..SUBMISSIONS {
            let key = format!("{life}-{number}");
            ledger.sent.insert(key.clone());
            if number == answers_before_the_kill {
                // The kill races with a submission that is under way and with the jobs that run.
                let url = service.url().to_owned();
                let (answer, ()) =
                    tokio::join!(submit(&client, &url, &key), async { drop(service.kill()) });
                ledger.accepted.extend(answer.map(|id| (key, id)));
                break;
            }
            let id = submit(&client, service.url(), &key)
                .await
                .expect("a living service answers");
            // Waiting for the first job of a life lets some jobs end; the others are killed
            // wherever they are.
            if number == 0 {
                let job = follow(&client, service.url(), &id).await;
                ledger.ended.insert(id.clone(), job);
            }
            ledger.accepted.insert(key, id);
        }
    }

    let service = Service::start(data.path());
    let url = service.url();
    for key in &ledger.sent {
        let id = submit(&client, url, key)
            .await
            .expect("a living service answers");
        if let Some(promised) = ledger.accepted.insert(key.clone(), id.clone()) {
            assert_eq!(
                promised, id,
                "a key means one job, whatever happened in between"
            );
        }
    }
    let mut results = BTreeSet::new();
    for id in ledger.accepted.values() {
        let job = follow(&client, url, id).await;
        assert_eq!(job["status"], "completed", "{job}");
        if let Some(seen) = ledger.ended.get(id) {
            assert_eq!(&job, seen, "what has ended never changes");
        }
        results.insert(job["results"].to_string());
    }
    assert_eq!(
        results.len(),
        1,
        "the same request gives the same bytes in every life"
    );
    let metrics = client
        .http
        .get(format!("{url}/metrics"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for (status, jobs) in [
        ("completed", ledger.accepted.len()),
        ("queued", 0),
        ("running", 0),
        ("failed", 0),
    ] {
        let line = format!("tars_eval_jobs{{status=\"{status}\"}} {jobs}\n");
        assert!(metrics.contains(&line), "{line} is not in {metrics}");
    }
}

/// The job at its end.
async fn follow(client: &Caller, url: &str, id: &str) -> Value {
    client
        .http
        .get(format!("{url}/v1/jobs/{id}?wait=60"))
        .bearer_auth(&client.token)
        .send()
        .await
        .expect("a living service answers")
        .json()
        .await
        .expect("it answers with the job")
}

#[test]
fn two_services_never_share_a_folder() {
    let data = tempfile::tempdir().unwrap();
    let _first = Service::start(data.path());
    let second = Command::new(env!("CARGO_BIN_EXE_tars"))
        .args(["dev", "--port", "0", "--data"])
        .arg(data.path())
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(2));
    let message = String::from_utf8_lossy(&second.stderr);
    assert!(message.contains("another tars process uses"), "{message}");
}
