//! Polls of jobs that have ended: remembered, tagged, and not sent again to those who have them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tars_shared::backends::Backends;
use tars_shared::clock::Manual;
use tars_shared::services::Services;

use crate::counted_cache::CountedCache;
use crate::server::{Server, config, evaluation, read};
use crate::worked::complete;

/// A job that has ended, and its path.
async fn ended(server: &Server) -> String {
    let (_, receipt) = server.post("/v1/evaluate", &evaluation()).await;
    let path = receipt["links"]["self"].as_str().unwrap().to_owned();
    let id = receipt["job_id"].as_str().unwrap().parse().unwrap();
    complete(&server.services.store, id).await;
    path
}

async fn poll(server: &Server, path: &str, tags: Option<&str>) -> Response {
    let request = server.request(Method::GET, path);
    let request = match tags {
        Some(tags) => request.header("if-none-match", tags),
        None => request,
    };
    request.send().await.unwrap()
}

fn header(response: &Response, name: &str) -> Option<String> {
    let value = response.headers().get(name)?;
    Some(value.to_str().unwrap().to_owned())
}

fn looked_up(server: &Server, result: &str) -> u64 {
    let requests = &server.services.metrics.cache_requests;
    requests.with_label_values(&[result]).get()
}

#[tokio::test]
async fn what_has_ended_is_remembered_and_not_sent_again_to_those_who_have_it() {
    let server = Server::start().await;
    let path = ended(&server).await;
    let first = poll(&server, &path, None).await;
    assert_eq!(header(&first, "x-cache").as_deref(), Some("miss"));
    let tag = header(&first, "etag").expect("it has ended");
    let bytes = first.bytes().await.unwrap();

    let second = poll(&server, &path, Some("\"another\"")).await;
    assert_eq!(second.status(), StatusCode::OK);
    assert_eq!(header(&second, "x-cache").as_deref(), Some("hit"));
    assert_eq!(header(&second, "etag").as_ref(), Some(&tag));
    assert_eq!(
        header(&second, "cache-control").as_deref(),
        Some("private, no-cache")
    );
    assert_eq!(second.bytes().await.unwrap(), bytes, "the same bytes");

    for tags in [tag.clone(), format!("W/{tag}, \"x\""), "*".to_owned()] {
        let answer = poll(&server, &format!("{path}?wait=30"), Some(&tags)).await;
        assert_eq!(answer.status(), StatusCode::NOT_MODIFIED, "{tags}");
        assert_eq!(header(&answer, "etag").as_ref(), Some(&tag));
        assert_eq!(header(&answer, "x-cache").as_deref(), Some("hit"));
        assert!(answer.bytes().await.unwrap().is_empty());
    }
    assert_eq!(
        (looked_up(&server, "local_hit"), looked_up(&server, "miss")),
        (4, 1)
    );

    let stranger = server
        .anonymous(Method::GET, &path)
        .header("if-none-match", &tag);
    assert_eq!(
        read(stranger.send().await.unwrap()).await.0,
        StatusCode::UNAUTHORIZED,
        "a tag shows nobody who they are"
    );
    let empty = poll(&server, &path, Some("")).await;
    assert_eq!(empty.status(), StatusCode::OK, "it names nothing");
    for malformed in ["x", "\"", "\"a\" \"b\"", "w/\"a\"", "\"a\",", "\u{84}"] {
        let (status, problem) = read(poll(&server, &path, Some(malformed)).await).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{malformed}");
        assert_eq!(problem["errors"][0]["field"], "If-None-Match");
    }
}

#[tokio::test]
async fn what_still_changes_has_no_tag() {
    let server = Server::start().await;
    let (_, receipt) = server.post("/v1/evaluate", &evaluation()).await;
    let path = receipt["links"]["self"].as_str().unwrap();
    for _ in 0..2 {
        let answer = poll(&server, path, Some("*")).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(header(&answer, "etag"), None);
        assert_eq!(header(&answer, "x-cache").as_deref(), Some("miss"));
        assert_eq!(
            header(&answer, "cache-control").as_deref(),
            Some("no-store")
        );
    }
    assert_eq!(looked_up(&server, "miss"), 2);
}

#[tokio::test]
async fn one_process_finds_what_another_made() {
    let one = Server::start().await;
    let other = Server::serve_beside(&one, one.services.clone(), config()).await;
    let path = ended(&one).await;
    let tag = header(&poll(&one, &path, None).await, "etag").unwrap();
    for found in ["shared_hit", "local_hit"] {
        let before = looked_up(&one, found);
        let answer = poll(&other, &path, None).await;
        assert_eq!(header(&answer, "x-cache").as_deref(), Some("hit"));
        assert_eq!(header(&answer, "etag").as_ref(), Some(&tag));
        assert_eq!(
            answer.json::<Value>().await.unwrap()["status"],
            json!("completed")
        );
        assert_eq!(looked_up(&one, found), before + 1, "{found}");
    }
}

#[tokio::test]
async fn polls_of_what_has_ended_ask_nobody_for_account_or_document() {
    let (data, clock) = (tempfile::tempdir().unwrap(), Arc::new(Manual::new()));
    let backends = Backends::embedded(data.path());
    let mut services = Services::open(&backends, clock.clone()).await.unwrap();
    let cache = CountedCache::before(&mut services);
    let server = Server::serve(services, config(), data).await;
    let path = ended(&server).await;
    assert_eq!(poll(&server, &path, None).await.status(), StatusCode::OK);
    let before = cache.commands.load(Ordering::Relaxed);
    for _ in 0..50 {
        assert_eq!(poll(&server, &path, None).await.status(), StatusCode::OK);
    }
    assert_eq!(cache.commands.load(Ordering::Relaxed), before);
    clock.advance(TimeDelta::seconds(1));
    for _ in 0..50 {
        assert_eq!(poll(&server, &path, None).await.status(), StatusCode::OK);
    }
    assert_eq!(
        cache.commands.load(Ordering::Relaxed),
        before + 1,
        "each second the account is asked for once"
    );
}
