//! Webhooks on their way to real receivers, kind and hostile, on the real embedded parts.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde_json::{Value, json};
use tars_engine::regression::Thresholds;
use tars_shared::account::Actor;
use tars_shared::backends::Backends;
use tars_shared::clock::{Clock as _, Manual};
use tars_shared::conformance::samples;
use tars_shared::dead_letter::Keeping;
use tars_shared::services::Services;
use tars_shared::webhook::{
    ATTEMPTS, Delivery, DeliveryState, Headers, Networks, Secret, Secrets, Webhooks, verify,
};
use tars_worker::{Config, Shutdown};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Longer than anything here takes; what is not there by then is lost.
const LOST: Duration = Duration::from_mins(1);

/// A worker with a secret, on a store of its own and a clock that the test moves.
struct Bench {
    services: Services,
    clock: Arc<Manual>,
    secrets: Secrets,
    shutdown: Shutdown,
    worker: JoinHandle<()>,
    _data: tempfile::TempDir,
}

impl Bench {
    async fn start(networks: Networks) -> Self {
        let data = tempfile::tempdir().unwrap();
        let clock = Arc::new(Manual::new());
        let services = Services::open(&Backends::embedded(data.path()), clock.clone())
            .await
            .unwrap();
        let secrets: Secrets = Secret::generate().unwrap().parse().unwrap();
        let shutdown = Shutdown::default();
        let config = Config {
            concurrency: None,
            window: 256,
            worker_name: "sender".to_owned(),
            lease_seconds: 5,
            max_attempts: 5,
            grace_seconds: 60,
            keeping: Keeping::default(),
            policy_cache_mib: 64,
            webhooks: Webhooks {
                secrets: Some(secrets.clone()),
                allow_http: true,
                networks,
            },
        };
        let thresholds = Thresholds::default();
        let run = tars_worker::run(services.clone(), config, thresholds, shutdown.clone());
        Self {
            services,
            clock,
            secrets,
            shutdown,
            worker: tokio::spawn(run),
            _data: data,
        }
    }

    /// A job that named this address, and has ended.
    async fn ended(&self, url: &str) -> Uuid {
        let job = samples::with_callback(&*self.clock, url);
        let jobs = &self.services.store.jobs;
        jobs.insert(std::slice::from_ref(&job)).await.unwrap();
        jobs.cancel(job.job_id).await.unwrap();
        job.job_id
    }

    /// Its webhook, as soon as it has come so far.
    async fn until(&self, job: Uuid, seen: impl Fn(&Delivery) -> bool) -> Delivery {
        let look = async {
            loop {
                let mut found = self.services.store.webhooks.of_job(job).await.unwrap();
                assert_eq!(found.len(), 1);
                if seen(&found[0]) {
                    return found.remove(0);
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LOST, look)
            .await
            .expect("the webhook comes that far")
    }

    async fn after_attempt(&self, job: Uuid, number: usize) -> Delivery {
        self.until(job, |delivery| delivery.attempts.len() == number)
            .await
    }

    async fn stop(self) {
        self.shutdown.drain.cancel();
        self.worker.await.unwrap();
    }
}

/// A request as it came.
struct Received {
    head: String,
    body: Vec<u8>,
}

impl Received {
    fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| *found == name).unwrap().1
    }

    fn is_genuine(&self, bench: &Bench) -> bool {
        let headers = Headers {
            id: self.header("webhook-id"),
            timestamp: self.header("webhook-timestamp"),
            signature: self.header("webhook-signature"),
        };
        verify(&bench.secrets, headers, &self.body, Some(bench.clock.now())).is_ok()
    }
}

/// Takes connections one after the other: what comes, and a connection to answer on.
struct Receiver {
    url: String,
    requests: UnboundedReceiver<(Received, TcpStream)>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks?key=1", listener.local_addr().unwrap());
        let (sender, requests) = unbounded_channel();
        tokio::spawn(accept(listener, sender));
        Self { url, requests }
    }

    async fn next(&mut self) -> (Received, TcpStream) {
        tokio::time::timeout(LOST, self.requests.recv())
            .await
            .expect("the webhook comes")
            .unwrap()
    }

    /// Answers the next request.
    async fn answer(&mut self, head: &str) -> Received {
        let (received, mut stream) = self.next().await;
        let answer = format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
        received
    }

    fn has_heard_nothing(&mut self) -> bool {
        self.requests.try_recv().is_err()
    }
}

async fn accept(listener: TcpListener, sender: UnboundedSender<(Received, TcpStream)>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let sender = sender.clone();
        tokio::spawn(async move {
            let mut bytes = Vec::new();
            loop {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if let Some((head, body)) = text.split_once("\r\n\r\n") {
                    let length = head
                        .lines()
                        .find_map(|line| line.strip_prefix("content-length: "));
                    if body.len() >= length.unwrap().parse().unwrap() {
                        let received = Received {
                            head: head.to_owned(),
                            body: body.as_bytes().to_vec(),
                        };
                        let _ = sender.send((received, stream));
                        return;
                    }
                }
                if stream.read_buf(&mut bytes).await.unwrap_or_default() == 0 {
                    return;
                }
            }
        });
    }
}

#[tokio::test]
async fn a_webhook_is_signed_and_arrives_once() {
    let bench = Bench::start(Networks::everything()).await;
    let mut receiver = Receiver::start().await;
    let job = bench.ended(&receiver.url).await;
    let request = receiver.answer("204 No Content").await;
    assert!(request.head.starts_with("POST /hooks?key=1 HTTP/1.1\r\n"));
    assert!(request.is_genuine(&bench));
    assert_eq!(request.header("webhook-id"), job.to_string());
    assert_eq!(request.header("content-type"), "application/json");
    assert!(receiver.url.contains(request.header("host")));
    let found = bench.services.store.jobs.find(job).await.unwrap().unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&request.body).unwrap(),
        json!({
            "type": "job.cancelled",
            "timestamp": found.finished_at,
            "data": {
                "job_id": job, "status": "cancelled", "verdict": null, "agent_type": "DQN",
                "environments": ["CartPole-v1", "Acrobot-v1"], "labels": {"team": "blue"},
                "links": {"self": format!("/v1/jobs/{job}")},
            },
        })
    );
    let delivered = bench.after_attempt(job, 1).await;
    assert_eq!(delivered.state, DeliveryState::Delivered);
    assert_eq!(delivered.attempts[0].status, Some(204));
    bench.clock.advance(TimeDelta::days(2));
    let second = bench.ended(&receiver.url).await;
    let request = receiver.answer("200 OK").await;
    assert_eq!(request.header("webhook-id"), second.to_string());
    bench.stop().await;
}

/// Whatever goes wrong, it is sent again later, with the same id and bytes, signed anew; in the end it is
/// dead, until somebody asks for it.
#[tokio::test]
async fn a_webhook_that_fails_is_sent_again_until_it_is_dead() {
    let bench = Bench::start(Networks::everything()).await;
    let mut receiver = Receiver::start().await;
    let job = bench.ended(&receiver.url).await;
    let mut bodies = Vec::new();
    for attempt in 1..=ATTEMPTS {
        let request = receiver.answer("500 Oops").await;
        assert!(request.is_genuine(&bench), "signed for its time");
        assert_eq!(request.header("webhook-id"), job.to_string());
        bodies.push(request.body);
        let delivery = bench.after_attempt(job, attempt as usize).await;
        let last = delivery.attempts.last().unwrap();
        assert_eq!(
            last.error.as_deref(),
            Some("the receiver answered with 500")
        );
        if attempt < ATTEMPTS {
            assert_eq!(delivery.state, DeliveryState::Pending);
            bench.clock.advance(delivery.due_at - bench.clock.now());
        } else {
            assert_eq!(delivery.state, DeliveryState::Dead, "{delivery:?}");
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
    bench.clock.advance(TimeDelta::days(2));
    let webhooks = &bench.services.store.webhooks;
    webhooks.redeliver(job, &Actor::command()).await.unwrap();
    receiver.answer("200 OK").await;
    let arrived = |delivery: &Delivery| delivery.state == DeliveryState::Delivered;
    let delivery = bench.until(job, arrived).await;
    assert_eq!(delivery.attempt, ATTEMPTS + 1);
    bench.stop().await;
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let bench = Bench::start(Networks::everything()).await;
    let (mut receiver, mut target) = (Receiver::start().await, Receiver::start().await);
    let job = bench.ended(&receiver.url).await;
    for (number, status) in (1..).zip([301, 302, 303, 307, 308]) {
        let head = format!("{status} Elsewhere\r\nLocation: {}", target.url);
        receiver.answer(&head).await;
        let delivery = bench.after_attempt(job, number).await;
        assert_eq!(delivery.state, DeliveryState::Pending);
        assert_eq!(delivery.attempts[number - 1].status, Some(status));
        bench.clock.advance(delivery.due_at - bench.clock.now());
    }
    assert!(target.has_heard_nothing());
    bench.stop().await;
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_left_alone() {
    let bench = Bench::start(Networks::everything()).await;
    let mut receiver = Receiver::start().await;
    let job = bench.ended(&receiver.url).await;
    receiver.answer("410 Gone").await;
    let delivery = bench.after_attempt(job, 1).await;
    assert_eq!(delivery.state, DeliveryState::Dead, "{delivery:?}");
    bench.stop().await;
}

/// Whatever the address looks like, and whatever the API let through before: nobody on a private network
/// hears anything.
#[tokio::test]
async fn private_addresses_are_refused_after_they_were_looked_up() {
    let bench = Bench::start(Networks::default()).await;
    let mut receiver = Receiver::start().await;
    let port = receiver.url.rsplit_once(':').unwrap().1.to_owned();
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "169.254.169.254",
        "[fe80::1]",
        "10.0.0.1",
        "[64:ff9b::7f00:1]",
    ] {
        let job = bench.ended(&format!("http://{host}:{port}")).await;
        let delivery = bench.after_attempt(job, 1).await;
        assert_eq!(delivery.state, DeliveryState::Pending);
        let error = delivery.attempts[0].error.as_deref().unwrap();
        assert!(
            error.starts_with("its address leads to "),
            "{host}: {error}"
        );
    }
    assert!(receiver.has_heard_nothing());
    bench.stop().await;
}

/// Answers that never end, and heads that never begin or end, take neither much time nor much memory, and
/// keep no other message waiting.
#[tokio::test(flavor = "multi_thread")]
async fn slow_and_endless_answers_are_bounded() {
    let bench = Bench::start(Networks::everything()).await;
    let mut silent = Receiver::start().await;
    let waits = bench.ended(&silent.url).await;
    let start = Instant::now();
    let (_, held) = silent.next().await;

    let mut endless = Receiver::start().await;
    let job = bench.ended(&endless.url).await;
    let (_, mut stream) = endless.next().await;
    let written = tokio::spawn(async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        let mut written = 0_usize;
        while stream.write_all(&[b'x'; 1024]).await.is_ok() {
            written += 1024;
        }
        written
    });
    let delivery = bench.after_attempt(job, 1).await;
    assert_eq!(delivery.state, DeliveryState::Delivered);
    // What lies in the buffers of two sockets, beside the little that is read.
    assert!(written.await.unwrap() < 64 * 1024 * 1024);

    let mut chatty = Receiver::start().await;
    let job = bench.ended(&chatty.url).await;
    let (_, mut stream) = chatty.next().await;
    let flood = tokio::spawn(async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream.write_all(b"X-More: and more\r\n").await.is_ok() {}
    });
    let delivery = bench.after_attempt(job, 1).await;
    assert_eq!(delivery.attempts[0].status, None, "{delivery:?}");
    flood.await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(14), "others wait");

    let delivery = bench.after_attempt(waits, 1).await;
    let error = delivery.attempts[0].error.as_deref();
    assert_eq!(error, Some("no answer within 15 s"));
    drop(held);
    bench.stop().await;
}

/// What is under way when the worker is asked to end is finished and noted.
#[tokio::test]
async fn a_drain_waits_for_what_is_under_way() {
    let bench = Bench::start(Networks::everything()).await;
    let mut receiver = Receiver::start().await;
    let job = bench.ended(&receiver.url).await;
    let (_, mut stream) = receiver.next().await;
    bench.shutdown.drain.cancel();
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(answer).await.unwrap();
    bench.after_attempt(job, 1).await;
    bench.stop().await;
}
