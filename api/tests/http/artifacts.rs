//! Uploads that arrive as they were sent.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::server::{Server, answer};

/// The SHA-256 of `abc`, in hexadecimal digits and in base64.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const ABC_BASE64: &str = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";

#[tokio::test]
async fn an_upload_with_another_digest_than_announced_is_refused_and_not_stored() {
    let server = Server::start().await;
    let put = |path: &str, body: &'static str| {
        server
            .request(Method::PUT, path)
            .header("content-type", "application/octet-stream")
            .body(body)
    };
    let digest = format!("sha-256=:{ABC_BASE64}:");
    let named = format!("/v1/artifacts/{ABC}");
    for (path, body, digest, field) in [
        ("/v1/artifacts", "abd", Some(&digest), "Content-Digest"),
        (&named, "abd", None, "sha256"),
        (&named, "abd", Some(&digest), "Content-Digest"),
    ] {
        let request = match digest {
            Some(digest) => put(path, body).header("content-digest", digest),
            None => put(path, body),
        };
        let (status, problem) = answer(request).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
        assert_eq!(problem["errors"][0]["field"], field);
    }
    let right = put("/v1/artifacts", "abc").header("content-digest", &digest);
    let (status, stored) = answer(right).await;
    assert_eq!(
        (status, &stored["artifact"]),
        (StatusCode::CREATED, &json!(ABC)),
        "nothing was stored before"
    );
    let (status, stored) = answer(put(&named, "abc")).await;
    assert_eq!((status, &stored["artifact"]), (StatusCode::OK, &json!(ABC)));
    let (status, _) = answer(put("/v1/artifacts/abc", "abc")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}
