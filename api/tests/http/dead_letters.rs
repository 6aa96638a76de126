//! Dead letters and their replays, as clients see them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tars_shared::account::Role;
use tars_shared::dead_letter::Keeping;
use uuid::Uuid;

use crate::server::{Server, answer, config, evaluation};
use crate::worked::{complete, fail};

const REPLAYS: &str = "/v1/dead-letters/replays";

async fn submit(server: &Server, body: &Value) -> Uuid {
    let (status, receipt) = server.post("/v1/evaluate", body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{receipt}");
    receipt["job_id"].as_str().unwrap().parse().unwrap()
}

/// Jobs that failed for different reasons, and alike but for a number.
async fn failures(server: &Server, count: usize) -> Vec<Uuid> {
    let mut failed = Vec::new();
    for number in 0..count {
        let mut body = evaluation();
        body["labels"] = json!({"team": "blue"});
        body["agent_type"] = json!("DQN");
        body["agent_state"] = json!({"format": "mlp-json", "data": {
            "version": 1, "head": "values", "activation": "relu",
            "layers": [{"weight": [[0, 0, -1, -1], [0, 0, 1, 1]], "bias": [0, 0]}],
        }});
        let id = submit(server, &body).await;
        let reason = format!("it took longer than {number} s");
        fail(&server.services.store, id, &reason).await;
        failed.push(id);
    }
    failed
}

/// Takes all steps that can be taken now; the new jobs.
async fn advance(server: &Server) -> Vec<Uuid> {
    let mut jobs = Vec::new();
    while let Some(step) = server.services.store.replays.advance(3).await.unwrap() {
        jobs.extend(step.jobs.iter().map(|job| job.job_id));
    }
    jobs
}

#[tokio::test]
async fn a_dead_letter_tells_all_that_led_to_it() {
    let mut config = config();
    config.keeping = Keeping {
        retention_days: Some(30),
        max_replays: 3,
    };
    let clock = std::sync::Arc::new(tars_shared::clock::System);
    let server = Server::start_with(config, clock).await;
    let id = failures(&server, 1).await[0];
    let (status, letter) = server.get(&format!("/v1/dead-letters/{id}")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(letter["kind"], "timeout");
    assert_eq!(letter["state"], "open");
    assert_eq!(letter["replays"], 0);
    assert_eq!(letter["request"]["agent_type"], "DQN");
    let submitter = letter["request"]["submitter"].as_str().unwrap();
    assert!(submitter.starts_with("token:"), "{submitter}");
    assert_eq!(letter["request"]["labels"], json!({"team": "blue"}));
    assert_eq!(letter["failures"][0]["worker"], "w");
    assert_eq!(letter["submission"]["num_episodes"], 100);
    assert!(
        letter["submission"]["agent_state"]["data"]
            .as_str()
            .unwrap()
            .starts_with('…')
    );
    let days = |field: &str| {
        let text = letter[field].as_str().unwrap();
        chrono::DateTime::parse_from_rfc3339(text).unwrap()
    };
    assert_eq!((days("expires_at") - days("at")).num_days(), 30);

    let (_, summary) = server.get("/v1/dead-letters/summary").await;
    let group = &summary["groups"][0];
    assert_eq!(group["reason"], "it took longer than # s");
    assert_eq!(
        (&group["open"], &group["new_since_replay"]),
        (&json!(1), &json!(1))
    );
    for (query, found) in [
        (
            format!("fingerprint={}", group["fingerprint"].as_str().unwrap()),
            1,
        ),
        (
            format!("reason=LONGER%20than&state=open&submitter={submitter}"),
            1,
        ),
        ("older_than=1h".to_owned(), 0),
        ("newer_than=1h".to_owned(), 1),
        ("label=team:red".to_owned(), 0),
    ] {
        let (_, listing) = server.get(&format!("/v1/dead-letters?{query}")).await;
        assert_eq!(listing["items"].as_array().unwrap().len(), found, "{query}");
    }
    let (status, _) = server.get("/v1/dead-letters?older_than=yesterday").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_dry_run_says_what_would_happen_and_does_nothing() {
    let server = Server::start().await;
    let ids = failures(&server, 3).await;
    let discard = json!({"ids": [ids[0]], "note": "known"});
    let (_, changed) = server.post("/v1/dead-letters/discard", &discard).await;
    assert_eq!(changed, json!({"changed": 1, "complete": true}));
    let before = server.jobs().await;
    let wish = json!({"ids": ids, "dry_run": true, "patch": {"timeout_seconds": 7}});
    let (status, dry) = server.post(REPLAYS, &wish).await;
    assert_eq!(status, StatusCode::OK, "{dry}");
    assert_eq!(
        (&dry["matched"], &dry["would_run"]),
        (&json!(3), &json!(2)),
        "{dry}"
    );
    assert_eq!(dry["refused"], json!({"discarded": 1}));
    assert_eq!(dry["refusals"][0]["id"], json!(ids[0]));
    assert_eq!(dry["samples"][0]["before"]["timeout_seconds"], 300);
    assert_eq!(dry["samples"][0]["after"]["timeout_seconds"], 7);
    for (patch, complaint) in [
        (json!({"environments": ["Nowhere-v0"]}), "environments[0]"),
        (json!({"num_episodes": 0}), "num_episodes"),
        (
            json!({"environments": ["Pendulum-v1"]}),
            "the policy takes observations of 4 values",
        ),
        (
            json!({"agent_state": {"data": "AAAA"}}),
            "the mlp-json document",
        ),
    ] {
        let wish = json!({"all": true, "dry_run": true, "patch": patch});
        let (_, dry) = server.post(REPLAYS, &wish).await;
        assert_eq!(dry["refused"], json!({"invalid": 2}), "{dry}");
        let detail = dry["refusals"][0]["detail"].as_str().unwrap();
        assert!(detail.starts_with(complaint), "{detail}");
    }
    let (_, listing) = server.get(REPLAYS).await;
    assert_eq!(listing["items"], json!([]));
    assert_eq!(
        (advance(&server).await.len(), server.jobs().await),
        (0, before)
    );
}

#[tokio::test]
async fn a_replay_is_followed_to_its_end_and_the_old_jobs_say_where_they_went_on() {
    let server = Server::start().await;
    let ids = failures(&server, 2).await;
    let body = json!({"filter": {"kind": "timeout"}, "note": "the disk was full"});
    let (status, replay) = server.post_with_key(REPLAYS, "tonight", &body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{replay}");
    assert_eq!(replay["state"], "selecting");
    let path = replay["links"]["self"].as_str().unwrap().to_owned();
    let events = server.request(Method::GET, &format!("{path}/events"));
    let events = events.send().await.unwrap();
    let (status, again) = server.post_with_key(REPLAYS, "tonight", &body).await;
    assert_eq!(
        (status, &again["id"]),
        (StatusCode::ACCEPTED, &replay["id"])
    );
    let (status, problem) = server
        .post_with_key(REPLAYS, "tonight", &json!({"all": true}))
        .await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["code"], "idempotency_key_reused");

    let jobs = advance(&server).await;
    assert_eq!(jobs.len(), 2);
    complete(&server.services.store, jobs[0]).await;
    fail(&server.services.store, jobs[1], "again").await;
    let stream = tokio::spawn(events.text());
    while !stream.is_finished() {
        advance(&server).await;
        tokio::task::yield_now().await;
    }
    let stream = stream.await.unwrap().unwrap();
    assert!(stream.starts_with("event:progress"), "{stream}");
    assert!(
        stream.contains("event:end") && stream.contains(r#""state":"finished""#),
        "{stream}"
    );

    let (_, replay) = server.get(&path).await;
    assert_eq!(
        replay["counts"],
        json!({"total": 2, "queued": 0, "succeeded": 1, "failed": 1, "refused": 0, "remaining": 0})
    );
    let (_, items) = server.get(&format!("{path}/items?outcome=failed")).await;
    assert_eq!(items["items"][0]["job_id"], json!(jobs[1]));
    let csv = server.request(Method::GET, &format!("{path}/items.csv?limit=1"));
    let csv = csv.send().await.unwrap();
    let next = csv.headers()["link"].to_str().unwrap().to_owned();
    assert!(
        next.starts_with(&format!("<{path}/items.csv?cursor=")),
        "{next}"
    );
    let text = csv.text().await.unwrap();
    let row = format!("0,{},succeeded,,,{}\r\n", ids[0], jobs[0]);
    assert!(text.ends_with(&row), "{text}");

    for (old, new) in ids.iter().zip(&jobs) {
        for _ in 0..2 {
            let (_, job) = server.get(&format!("/v1/jobs/{old}")).await;
            assert_eq!(job["retried_as"], json!(new));
        }
        let (_, job) = server.get(&format!("/v1/jobs/{new}")).await;
        assert_eq!(job["retry_of"], json!(old));
        let (_, letter) = server.get(&format!("/v1/dead-letters/{old}")).await;
        assert_eq!(letter["replayed_as"], json!(new));
    }
    let (_, audit) = server.get("/auth/audit?action=replay.begun").await;
    assert_eq!(audit["items"][0]["actor"], "token:test");
    assert_eq!(audit["items"][0]["detail"]["note"], "the disk was full");
}

#[tokio::test]
async fn what_failed_says_where_it_goes_on_as_soon_as_it_does() {
    let server = Server::start().await;
    let id = failures(&server, 1).await[0];
    let path = format!("/v1/jobs/{id}");
    assert_eq!(server.get(&path).await.1.get("retried_as"), None);
    let (_, receipt) = server.post(&format!("{path}/retry"), &Value::Null).await;
    assert_eq!(server.get(&path).await.1["retried_as"], receipt["job_id"]);
}

#[tokio::test]
async fn a_replay_is_paused_resumed_adjusted_and_ended() {
    let server = Server::start().await;
    failures(&server, 2).await;
    let (_, replay) = server
        .post(REPLAYS, &json!({"all": true, "rate_per_second": 1}))
        .await;
    let path = replay["links"]["self"].as_str().unwrap();
    let act = async |what: &str, body: Value| server.post(&format!("{path}/{what}"), &body).await;
    let (status, paused) = act("pause", json!({"reason": "lunch"})).await;
    assert_eq!(
        (status, &paused["reason"]),
        (StatusCode::OK, &json!("lunch"))
    );
    assert_eq!(advance(&server).await.len(), 0);
    let adjustment = json!({"rate_per_second": null, "note": "fast now"});
    let (status, adjusted) = answer(server.request(Method::PATCH, path).json(&adjustment)).await;
    assert_eq!(status, StatusCode::OK, "{adjusted}");
    assert_eq!(
        (&adjusted["rate_per_second"], &adjusted["note"]),
        (&Value::Null, &json!("fast now"))
    );
    assert_eq!(act("resume", Value::Null).await.1["state"], "selecting");
    assert_eq!(advance(&server).await.len(), 2);
    assert_eq!(act("cancel", Value::Null).await.1["state"], "cancelled");
    let (status, problem) = act("resume", Value::Null).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("replay_state"))
    );
    let unknown = format!("{REPLAYS}/{}/pause", Uuid::nil());
    assert_eq!(
        server.post(&unknown, &json!({})).await.0,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn wishes_that_mean_nothing_or_too_much_are_refused() {
    let server = Server::start().await;
    failures(&server, 1).await;
    for (wish, field) in [
        (json!({}), "ids"),
        (json!({"filter": {}}), "filter"),
        (json!({"ids": [Uuid::nil()]}), "ids"),
        (json!({"all": true, "canary": 0}), "canary"),
        (json!({"all": true, "ramp": 3}), "ramp"),
        (json!({"all": true, "canary": 1, "ramp": 0.5}), "ramp"),
        (
            json!({"all": true, "rate_per_second": 0}),
            "rate_per_second",
        ),
        (
            json!({"all": true, "stop_at_failure_rate": 1.5}),
            "stop_at_failure_rate",
        ),
        (json!({"all": true, "limit": 0}), "limit"),
        (json!({"all": true, "note": "x".repeat(1001)}), "note"),
        (
            json!({"all": true, "filter": {"older_than": "soon"}}),
            "ids",
        ),
        (
            json!({"filter": {"older_than": "soon"}}),
            "filter.older_than",
        ),
    ] {
        let (status, problem) = server.post(REPLAYS, &wish).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wish}");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    let developer = server
        .service_token("developer", Role::Developer, None)
        .await;
    let (status, _) = server
        .post_as(&developer, REPLAYS, &json!({"all": true}))
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(server.get(REPLAYS).await.1["items"], json!([]));
}

#[tokio::test]
async fn discarded_letters_come_back() {
    let server = Server::start().await;
    failures(&server, 2).await;
    let open = async || {
        let (_, listing) = server.get("/v1/dead-letters?state=open").await;
        listing["items"].as_array().unwrap().len()
    };
    let wish = json!({"filter": {"reason": "longer"}, "note": "known"});
    server.post("/v1/dead-letters/discard", &wish).await;
    assert_eq!(open().await, 0);
    let (_, restored) = server
        .post("/v1/dead-letters/restore", &json!({"all": true}))
        .await;
    assert_eq!(restored["changed"], 2);
    assert_eq!(open().await, 2);
    let (_, audit) = server
        .get("/auth/audit?action=dead_letters.discarded")
        .await;
    assert_eq!(audit["items"][0]["detail"]["letters"], 2);
}

#[tokio::test]
async fn a_retry_after_a_replay_is_the_job_that_the_replay_made() {
    let server = Server::start().await;
    let id = failures(&server, 1).await[0];
    let mended = json!({"all": true, "patch": {"timeout_seconds": 7}});
    server.post(REPLAYS, &mended).await;
    let jobs = advance(&server).await;
    let (status, receipt) = server
        .post(&format!("/v1/jobs/{id}/retry"), &Value::Null)
        .await;
    assert_eq!(status, StatusCode::ACCEPTED, "{receipt}");
    assert_eq!(receipt["job_id"], json!(jobs[0]));
}

#[tokio::test]
async fn what_a_patch_hides_is_shown_to_nobody() {
    let server = Server::start().await;
    failures(&server, 1).await;
    let secret = "0f4c5c589d8e3f5d";
    let wish = json!({"all": true, "patch": {
        "callback_url": format!("https://hooks.example.org/in?key={secret}"),
        "agent_state": {"data": secret},
    }});
    let (status, problem) = server.post(REPLAYS, &wish).await;
    assert_eq!(
        status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "no secret signs webhooks here"
    );
    assert_eq!(problem["errors"][0]["field"], "callback_url");
    let wish = json!({"all": true, "patch": {"agent_state": {"data": secret}}});
    let (status, begun) = server.post(REPLAYS, &wish).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let path = begun["links"]["self"].as_str().unwrap();
    for (_, shown) in [
        (status, begun.clone()),
        server.get(path).await,
        server.get(REPLAYS).await,
        server.get("/auth/audit").await,
    ] {
        assert!(!shown.to_string().contains(secret), "{shown}");
    }
}
