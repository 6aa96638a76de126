//! Clients that send too much, too slowly, or in a form that nobody needs.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use tars_api::Config;

use crate::server::{Server, answer, config};

/// Far longer than the server may take: whoever waits for it in vain has found a hole.
const LIMIT: Duration = Duration::from_mins(1);

/// Sends bytes and gives all that comes back until the server closes the connection.
fn converse(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        // Closed with bytes of ours unread.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the server does not let go: {error}"),
    }
    String::from_utf8_lossy(&answer).into_owned()
}

async fn in_thread<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_never_end_are_cut_off() {
    let server = Server::start_with(
        Config {
            header_timeout_seconds: 1,
            ..config()
        },
        system(),
    )
    .await;
    let server = std::sync::Arc::new(server);
    for beginning in ["", "GET ", "GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let server = server.clone();
        let answer = in_thread(move || converse(&server, beginning.as_bytes())).await;
        assert!(!answer.contains("200"), "{answer}");
    }
    // One that goes on sending a byte now and then gains nothing.
    let address = server.address;
    let dripped = in_thread(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /health HTTP/1.1\r\n").unwrap();
        stream
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let begun = std::time::Instant::now();
        loop {
            // The read that waits a little is the pause between the drips.
            let over = match stream.read(&mut [0]) {
                Ok(0) => true,
                Ok(_) => false,
                Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            };
            if over || stream.write_all(b"X-A: b\r\n").is_err() {
                return true;
            }
            if begun.elapsed() > LIMIT {
                return false;
            }
        }
    })
    .await;
    assert!(dripped, "the server waits for ever");
}

fn system() -> std::sync::Arc<tars_shared::clock::System> {
    std::sync::Arc::new(tars_shared::clock::System)
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_bounded() {
    let server = std::sync::Arc::new(Server::start().await);
    let end = "Connection: close\r\n\r\n";
    let many = (0..100)
        .map(|index| format!("X-{index}: a\r\n"))
        .collect::<Vec<_>>()
        .concat();
    for (request, expected) in [
        (
            format!("GET /livez HTTP/1.1\r\nHost: x\r\n{end}"),
            "HTTP/1.1 200",
        ),
        (
            format!("GET /livez HTTP/1.1\r\nHost: x\r\n{many}{end}"),
            "HTTP/1.1 431",
        ),
        (
            format!(
                "GET /livez HTTP/1.1\r\nHost: x\r\nX-A: {}\r\n{end}",
                "a".repeat(20_000)
            ),
            "HTTP/1.1 431",
        ),
        (
            format!("GET /{} HTTP/1.1\r\nHost: x\r\n{end}", "a".repeat(20_000)),
            "HTTP/1.1 414",
        ),
        (
            format!("GET /{} HTTP/1.1\r\nHost: x\r\n{end}", "a".repeat(100_000)),
            "HTTP/1.1 4",
        ),
        ("GET /livez\r\n\r\n".to_owned(), "HTTP/1.1 400"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), ""),
        // Two lengths, or a length beside chunks, are how requests are smuggled past proxies.
        (
            format!(
                "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n{end}{{}}  "
            ),
            "HTTP/1.1 400",
        ),
    ] {
        let server = server.clone();
        let shown: String = request.chars().take(60).collect();
        let answer = in_thread(move || converse(&server, request.as_bytes())).await;
        assert!(
            answer.starts_with(expected) || (expected.is_empty() && !answer.contains(" 200 ")),
            "{shown}: {answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_beyond_their_bounds_are_told_in_a_problem_document() {
    let server = std::sync::Arc::new(Server::start().await);
    let many = "X-A: a\r\n".repeat(80);
    for (path, headers, code) in [
        ("a".repeat(20_000), String::new(), "uri_too_long"),
        (
            String::new(),
            format!("X-A: {}\r\n", "a".repeat(20_000)),
            "headers_too_large",
        ),
        (String::new(), many, "headers_too_large"),
    ] {
        let server = server.clone();
        let request =
            format!("GET /{path} HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n");
        let answer = in_thread(move || converse(&server, request.as_bytes())).await;
        assert!(
            answer.contains("content-type: application/problem+json"),
            "{answer}"
        );
        assert!(answer.contains(&format!("\"code\":\"{code}\"")), "{answer}");
    }
}

/// A client that sends all of its body before it reads: it must not meet a reset instead of the
/// answer.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_far_too_large_is_told_so() {
    let server = std::sync::Arc::new(Server::start().await);
    let chunk = vec![b'x'; 64 * 1024];
    let chunked_end = "0\r\n\r\n";
    for declared in [true, false] {
        let (server, chunk) = (server.clone(), chunk.clone());
        let answer = in_thread(move || {
            let (mut body, framing) = if declared {
                (Vec::new(), format!("Content-Length: {}", 65 << 20))
            } else {
                (Vec::new(), "Transfer-Encoding: chunked".to_owned())
            };
            for _ in 0..(65 << 20) / chunk.len() {
                if !declared {
                    body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                }
                body.extend_from_slice(&chunk);
                if !declared {
                    body.extend_from_slice(b"\r\n");
                }
            }
            if !declared {
                body.extend_from_slice(chunked_end.as_bytes());
            }
            let token = server.token();
            let mut request = format!(
                "PUT /v1/artifacts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
                 Content-Type: application/octet-stream\r\n{framing}\r\n\r\n"
            )
            .into_bytes();
            request.append(&mut body);
            converse(&server, &request)
        })
        .await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        assert!(answer.contains("payload_too_large"), "{answer}");
    }
}

/// HTTP/1.0 keeps a connection only if both sides say so.
#[tokio::test(flavor = "multi_thread")]
async fn clients_of_http_1_0_hear_what_becomes_of_the_connection() {
    let server = std::sync::Arc::new(Server::start().await);
    for (header, answers, said) in [
        ("", 1, "connection: close"),
        ("Connection: close\r\n", 1, "connection: close"),
        ("Connection: keep-alive\r\n", 2, "connection: keep-alive"),
    ] {
        let server = server.clone();
        let request = format!("GET /livez HTTP/1.0\r\n{header}\r\n");
        let last = "GET /livez HTTP/1.0\r\n\r\n";
        let answer =
            in_thread(move || converse(&server, format!("{request}{last}").as_bytes())).await;
        assert_eq!(answer.matches("HTTP/1.0 200").count(), answers, "{answer}");
        let first = answer.to_ascii_lowercase();
        let first = first.split("\r\n\r\n").next().unwrap().to_owned();
        assert!(first.contains(said), "{header}: {first}");
    }
}

#[tokio::test]
async fn bodies_are_bounded_and_never_unfolded_or_decompressed() {
    let server = Server::start().await;
    let post = |path: &str| {
        server
            .request(Method::POST, path)
            .header("content-type", "application/json")
    };
    for (path, bytes) in [
        ("/auth/login", 16 * 1024 + 1),
        ("/auth/users", 16 * 1024 + 1),
        ("/v1/baselines", 256 * 1024 + 1),
    ] {
        let body = format!("{{\"name\": \"{}\"}}", "a".repeat(bytes));
        let (status, problem) = answer(post(path).body(body)).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::PAYLOAD_TOO_LARGE, &json!("payload_too_large")),
            "{path}"
        );
    }
    for depth in [200, 20_000] {
        let nested = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        let body = format!("{{\"agent_type\": \"DQN\", \"labels\": {nested}}}");
        let status = answer(post("/v1/evaluate").body(body)).await.0;
        assert!(
            [StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY].contains(&status),
            "{depth}: {status}"
        );
    }
    for coding in ["gzip", "br", "deflate", "zstd", "identity, gzip"] {
        let request = post("/v1/evaluate")
            .header("content-encoding", coding)
            .body("x");
        assert_eq!(
            answer(request).await.0,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "{coding}"
        );
    }
    assert_eq!(server.jobs().await, 0);
}

#[tokio::test]
async fn every_answer_carries_what_browsers_need_to_know() {
    let server = Server::start().await;
    for (path, status) in [
        ("/health", 200),
        ("/nowhere", 404),
        ("/v1/jobs", 401),
        ("/docs", 200),
        ("/docs/swagger-ui.css", 200),
    ] {
        let response = server
            .anonymous(Method::GET, path)
            .header("origin", "https://evil.example")
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), status, "{path}");
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap())
        };
        assert_eq!(header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(header("cache-control"), Some("no-store"), "{path}");
        let policy = header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
            "{path}: {policy}"
        );
        assert_eq!(header("access-control-allow-origin"), None, "{path}");
        assert_eq!(header("server"), None, "{path}");
    }
}

#[tokio::test]
async fn only_configured_origins_may_call_from_browsers() {
    let server = Server::start_with(
        Config {
            cors_origins: vec!["https://tars.example".to_owned()],
            ..config()
        },
        system(),
    )
    .await;
    let preflight = async |origin: &str| {
        let request = server
            .anonymous(Method::OPTIONS, "/v1/evaluate")
            .header("origin", origin);
        let request = request.header("access-control-request-method", "POST");
        request
            .header("access-control-request-headers", "authorization")
            .send()
            .await
            .unwrap()
    };
    let allowed = preflight("https://tars.example").await;
    assert_eq!(
        allowed.headers()["access-control-allow-origin"],
        "https://tars.example"
    );
    assert!(
        allowed.headers()["access-control-allow-headers"]
            .to_str()
            .unwrap()
            .contains("authorization")
    );
    assert!(
        allowed
            .headers()
            .get("access-control-allow-credentials")
            .is_none()
    );
    for origin in [
        "https://evil.example",
        "null",
        "https://tars.example.evil.example",
    ] {
        assert!(
            preflight(origin)
                .await
                .headers()
                .get("access-control-allow-origin")
                .is_none(),
            "{origin}"
        );
    }
    let request = server
        .request(Method::GET, "/v1/jobs")
        .header("origin", "https://tars.example");
    assert_eq!(
        request.send().await.unwrap().headers()["access-control-allow-origin"],
        "https://tars.example"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_cannot_take_every_connection() {
    let server = Server::start_with(
        Config {
            max_connections_per_address: 3,
            ..config()
        },
        system(),
    )
    .await;
    let address = server.address;
    let refused = in_thread(move || {
        let ask = |stream: &mut TcpStream| {
            stream.set_read_timeout(Some(LIMIT)).unwrap();
            let sent = stream.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
            let mut answer = [0; 12];
            sent.and_then(|()| stream.read_exact(&mut answer))
                .is_ok_and(|()| &answer == b"HTTP/1.1 200")
        };
        let mut held: Vec<_> = (0..3)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        assert!(held.iter_mut().all(ask), "the first three are served");
        let refused = !ask(&mut TcpStream::connect(address).unwrap());
        held.clear();
        refused
    })
    .await;
    assert!(refused);
}

#[tokio::test]
async fn a_defect_of_ours_tells_nothing() {
    let server = Server::start().await;
    let baseline = json!({"agent_type": "DQN", "environment": "CartPole-v1", "mean_reward": 1.0, "std_reward": 1.0,
                          "success_rate": 1.0, "n": 10});
    assert_eq!(
        server.post("/v1/baselines", &baseline).await.0,
        StatusCode::CREATED
    );
    // The row is spoilt behind the server's back.
    let file = server.database();
    let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(
        &sqlx::sqlite::SqliteConnectOptions::new().filename(file),
    )
    .await
    .unwrap();
    sqlx::query("UPDATE eval_baselines SET statistics = 'nonsense'")
        .execute(&mut connection)
        .await
        .unwrap();
    let (status, problem) = server.get("/v1/baselines").await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::INTERNAL_SERVER_ERROR, &json!("internal"))
    );
    assert!(
        problem.get("detail").is_none() && problem.get("errors").is_none(),
        "{problem}"
    );
}
