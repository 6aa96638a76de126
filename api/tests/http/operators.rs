//! What operators do: pauses, workers, and the watch over what waits for too long.

use std::sync::Arc;

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tars_shared::account::Role;
use tars_shared::clock::{Clock as _, System};

use crate::server::{Server, answer, config, evaluation};
use crate::waiting::report;

#[tokio::test]
async fn a_pause_is_seen_by_submitters_until_it_ends() {
    let server = Server::start().await;
    report(&server, "one", 0).await;
    let user = server.user("ada", Role::Developer).await;
    let token = server.log_in(user.as_str()).await["access_token"].clone();
    let token = token.as_str().unwrap();
    let (_, before) = server.post_as(token, "/v1/evaluate", &evaluation()).await;
    let body =
        json!({"scope": "submitter", "value": "user:ada", "reason": " too many ", "seconds": 600});
    let (status, pause) = server.post("/v1/pauses", &body).await;
    assert_eq!(status, StatusCode::CREATED, "{pause}");
    assert_eq!(
        (
            &pause["scope"],
            &pause["value"],
            &pause["reason"],
            &pause["paused_by"]
        ),
        (
            &json!("submitter"),
            &json!("user:ada"),
            &json!("too many"),
            &json!("token:test")
        )
    );
    let (status, receipt) = server.post_as(token, "/v1/evaluate", &evaluation()).await;
    assert_eq!(status, StatusCode::ACCEPTED, "it is accepted all the same");
    assert_eq!(receipt["waiting"]["code"], "paused", "{receipt}");
    let batch = json!({"evaluations": [evaluation()]});
    let (_, receipts) = server.post_as(token, "/v1/evaluate/batch", &batch).await;
    assert_eq!(receipts["jobs"][0]["waiting"]["code"], "paused");
    let path = before["links"]["self"].as_str().unwrap();
    let waiting = server.get_as(token, path).await.1["waiting"].clone();
    assert_eq!(waiting["code"], "paused");
    let detail = waiting["detail"].as_str().unwrap();
    assert!(
        detail.contains("token:test") && detail.ends_with("too many"),
        "{detail}"
    );
    let (_, others) = server.post("/v1/evaluate", &evaluation()).await;
    assert!(others.get("waiting").is_none(), "{others}");

    let (_, pauses) = server.get_as(token, "/v1/pauses").await;
    assert_eq!(
        (&pauses["items"][0]["id"], &pauses["items"][0]["held"]),
        (&pause["id"], &json!(0))
    );
    let end = format!("/v1/pauses/{}", pause["id"].as_str().unwrap());
    let request = server.anonymous(Method::DELETE, &end).bearer_auth(token);
    assert_eq!(answer(request).await.0, StatusCode::FORBIDDEN);
    let (status, ended) = answer(server.request(Method::DELETE, &end)).await;
    assert_eq!((status, &ended["id"]), (StatusCode::OK, &pause["id"]));
    let (status, _) = answer(server.request(Method::DELETE, &end)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(server.get("/v1/pauses").await.1["items"], json!([]));
    let waiting = server.get_as(token, path).await.1["waiting"].clone();
    assert_eq!(waiting["code"], "waiting_for_worker");
    let (_, audit) = server.get("/auth/audit?action=pause.ended").await;
    assert_eq!(audit["items"][0]["target"], pause["id"]);
}

#[tokio::test]
async fn a_pause_that_makes_no_sense_is_refused_by_its_field() {
    let server = Server::start().await;
    for (field, body) in [
        ("scope", json!({"scope": "agent", "reason": "x"})),
        (
            "value",
            json!({"scope": "all", "value": "x", "reason": "x"}),
        ),
        (
            "value",
            json!({"scope": "priority", "value": "urgent", "reason": "x"}),
        ),
        ("value", json!({"scope": "environment", "reason": "x"})),
        (
            "value",
            json!({"scope": "environment", "value": "Nowhere-v0", "reason": "x"}),
        ),
        (
            "value",
            json!({"scope": "submitter", "value": "ada", "reason": "x"}),
        ),
        (
            "value",
            json!({"scope": "submitter", "value": "token:nightly", "reason": "x"}),
        ),
        ("reason", json!({"scope": "all", "reason": " "})),
        ("reason", json!({"scope": "all", "reason": "x".repeat(501)})),
        ("reason", json!({"scope": "all", "reason": "two\nlines"})),
        ("reason", json!({"scope": "all"})),
        (
            "seconds",
            json!({"scope": "all", "reason": "x", "seconds": 0}),
        ),
        (
            "until",
            json!({"scope": "all", "reason": "x", "until": "now"}),
        ),
    ] {
        let (status, problem) = server.post("/v1/pauses", &body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    assert_eq!(server.get("/v1/pauses").await.1["items"], json!([]));
}

#[tokio::test]
async fn workers_are_listed_and_drained() {
    let server = Server::start().await;
    for name in ["a-host-1", "b-host-2", "c-host-3"] {
        report(&server, name, 1).await;
    }
    server
        .services
        .store
        .workers
        .leave("c-host-3")
        .await
        .unwrap();
    let (_, page) = server.get("/v1/workers?limit=1").await;
    let worker = &page["items"][0];
    assert_eq!(
        (
            &worker["name"],
            &worker["state"],
            &worker["host"],
            &worker["version"]
        ),
        (
            &json!("a-host-1"),
            &json!("working"),
            &json!("machine"),
            &json!("1.2.3")
        )
    );
    assert_eq!((&worker["slots"], &worker["busy"]), (&json!(2), &json!(1)));
    assert_eq!(worker["running"].as_array().unwrap().len(), 1);
    let next = format!(
        "/v1/workers?cursor={}",
        page["next_cursor"].as_str().unwrap()
    );
    let (_, rest) = server.get(&next).await;
    assert_eq!(rest["items"].as_array().unwrap().len(), 1, "one has gone");
    let (_, all) = server.get("/v1/workers?gone=true").await;
    assert_eq!(all["items"][2]["state"], "gone");

    let (status, drained) = server
        .post("/v1/workers/a-host-1/drain", &Value::Null)
        .await;
    assert_eq!(
        (status, &drained["state"]),
        (StatusCode::ACCEPTED, &json!("draining"))
    );
    assert!(drained["drain_requested_at"].is_string());
    for gone in ["c-host-3", "nobody"] {
        let path = format!("/v1/workers/{gone}/drain");
        assert_eq!(
            server.post(&path, &Value::Null).await.0,
            StatusCode::NOT_FOUND
        );
    }
    let (_, audit) = server.get("/auth/audit?action=worker.drained").await;
    assert_eq!(audit["items"][0]["target"], "a-host-1");
}

#[tokio::test]
async fn jobs_that_wait_for_too_long_are_seen() {
    let mut config = config();
    config.overdue_high_seconds = 60;
    let server = Server::start_with(config, Arc::new(System)).await;
    let (_, receipt) = server.post("/v1/evaluate", &evaluation()).await;
    let jobs = &server.services.store.jobs;
    let id = receipt["job_id"].as_str().unwrap().parse().unwrap();
    let mut old = jobs.submission(id).await.unwrap().unwrap();
    for (age, priority) in [(59, "high"), (61, "high"), (61, "normal")] {
        old.job_id = System.new_id();
        old.submitted_at = System.now() - TimeDelta::seconds(age);
        old.request.parameters.priority = priority.parse().unwrap();
        jobs.insert(std::slice::from_ref(&old)).await.unwrap();
    }
    let (status, health) = server.get("/health").await;
    assert_eq!(
        (status, &health["status"]),
        (StatusCode::OK, &json!("degraded"))
    );
    let part = health["parts"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&part["name"], &part["state"]),
        (&json!("waiting"), &json!("degraded"))
    );
    assert_eq!(
        part["detail"],
        "jobs wait for too long: 1 of high priority for more than 60 s"
    );
    let metrics = server
        .request(Method::GET, "/metrics")
        .send()
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    for line in [
        "tars_eval_jobs_overdue{priority=\"high\"} 1",
        "tars_eval_jobs_overdue{priority=\"normal\"} 0",
        "tars_eval_jobs_overdue{priority=\"low\"} 0",
        // A minute and a moment; no worker is there to say it.
        "tars_eval_oldest_queued_seconds{priority=\"high\"} 6",
        "tars_eval_oldest_queued_seconds{priority=\"low\"} 0",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

#[tokio::test]
async fn many_jobs_are_cancelled_by_a_filter_and_shown_before() {
    let server = Server::start().await;
    let mut labelled = evaluation();
    labelled["labels"] = json!({"sweep": "7"});
    for body in [&labelled, &labelled, &evaluation()] {
        server.post("/v1/evaluate", body).await;
    }
    let path = "/v1/jobs/cancel";
    let mut request = json!({"filter": {"label": "sweep:7", "status": "queued"}, "dry_run": true});
    let (status, would) = server.post(path, &request).await;
    assert_eq!(
        (status, &would["matched"]),
        (StatusCode::OK, &json!(2)),
        "{would}"
    );
    assert_eq!(
        (&would["cancelled"], &would["more"]),
        (&json!(0), &json!(false))
    );
    assert_eq!(would["sample"].as_array().unwrap().len(), 2);
    request["dry_run"] = json!(false);
    for expected in [2, 0] {
        let (_, done) = server.post(path, &request).await;
        assert_eq!(
            (&done["cancelled"], &done["requested"], &done["more"]),
            (&json!(expected), &json!(0), &json!(false))
        );
    }
    let (_, queued) = server.get("/v1/jobs?status=queued").await;
    assert_eq!(queued["items"].as_array().unwrap().len(), 1);
    let (_, audit) = server.get("/auth/audit?action=jobs.cancelled").await;
    assert_eq!(audit["items"][0]["detail"]["filter"]["label"], "sweep:7");

    for (field, body) in [
        ("filter", json!({})),
        ("filter", json!({"filter": {}, "dry_run": true})),
        ("all", json!({"filter": {"status": "queued"}, "all": true})),
        ("filter.status", json!({"filter": {"status": "failed"}})),
        ("filter.label", json!({"filter": {"label": "sweep"}})),
        (
            "filter.submitter",
            json!({"filter": {"submitter": "a\u{0}"}}),
        ),
        (
            "filter.environment",
            json!({"filter": {"environment": "x".repeat(400)}}),
        ),
        (
            "filter.older_than_seconds",
            json!({"filter": {"older_than_seconds": 400_000_000}}),
        ),
        ("filter.colour", json!({"filter": {"colour": "red"}})),
    ] {
        let (status, problem) = server.post(path, &body).await;
        assert_eq!(
            status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{body}: {problem}"
        );
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    // What was submitted after the moment of the first request is not met by those that follow.
    let everything = json!({"all": true, "dry_run": true});
    let (_, would) = server.post(path, &everything).await;
    assert_eq!(would["matched"], 1);
    let moment = &would["submitted_before"];
    assert!(moment.is_string(), "{would}");
    server.post("/v1/evaluate", &evaluation()).await;
    let again = json!({"all": true, "submitted_before": moment});
    for expected in [1, 0] {
        let (_, done) = server.post(path, &again).await;
        assert_eq!(
            (&done["cancelled"], &done["submitted_before"]),
            (&json!(expected), moment)
        );
    }
    let (_, done) = server.post(path, &json!({"all": true})).await;
    assert_eq!(done["cancelled"], 1);
}
