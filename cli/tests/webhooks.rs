//! Webhooks from end to end: the real binary, its real database, a receiver that speaks HTTP.

#![expect(
    clippy::unwrap_used,
    reason = "the functions that tests share are tests too"
)]

#[path = "support/run.rs"]
mod run;
#[path = "support/service.rs"]
mod service;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use run::{Run, command, run};
use serde_json::{Value, json};
use service::Service;

/// A service that may send webhooks to this machine.
fn start(data: &Path) -> Service {
    Service::launch(data, |command| {
        command
            .env("EVAL_WEBHOOK_ALLOW_PRIVATE", "127.0.0.0/8")
            .stderr(Stdio::null())
    })
}

/// A message as its receiver got it.
struct Message {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// Not answered yet.
    stream: TcpStream,
}

impl Message {
    fn receive(listener: &TcpListener) -> Self {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line == "\r\n" {
                break;
            }
            if let Some((name, value)) = line.trim().split_once(": ") {
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
        let mut message = Self {
            headers,
            body: Vec::new(),
            stream,
        };
        message.body = vec![0; message.header("content-length").parse().unwrap()];
        reader.read_exact(&mut message.body).unwrap();
        message
    }

    fn header(&self, name: &str) -> &str {
        &self
            .headers
            .iter()
            .find(|(found, _)| found == name)
            .unwrap()
            .1
    }

    fn answer(mut self) {
        self.stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
    }

    /// Runs `tars webhook verify` on it, with this body.
    fn verify(&self, secret: &Path, options: &[&str], body: &[u8]) -> Run {
        let mut verify = Command::new(env!("CARGO_BIN_EXE_tars"));
        verify
            .args(["webhook", "verify", "--secret-file"])
            .arg(secret)
            .args(["--id", self.header("webhook-id")])
            .args(["--signature", self.header("webhook-signature")])
            .args(options);
        if !options.contains(&"--timestamp") {
            verify.args(["--timestamp", self.header("webhook-timestamp")]);
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), body).unwrap();
        run(verify.stdin(file.reopen().unwrap()))
    }
}

fn submit(service: &Service, token: &str, listener: &TcpListener) -> Run {
    let policy = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../examples/policies/cartpole-ppo.zip"
    );
    let url = format!("http://{}/hooks", listener.local_addr().unwrap());
    let arguments = [
        "submit",
        policy,
        "--agent",
        "PPO",
        "--episodes",
        "2",
        "--label",
        "commit=4f2a91c",
        "--json",
        "--callback-url",
        &url,
    ];
    run(&mut command(service.url(), token, &arguments))
}

/// The id of the job that was accepted.
fn id(receipt: &Run) -> String {
    let document: Value = serde_json::from_str(&receipt.out).expect(&receipt.err);
    document["job_id"].as_str().unwrap().to_owned()
}

#[test]
fn nothing_is_sent_to_this_machine_unless_that_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = submit(&service, service.token().unwrap(), &listener);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("loopback"), "{}", refused.err);
}

#[test]
fn a_receiver_hears_of_the_end_and_can_verify_it() {
    let folder = tempfile::tempdir().unwrap();
    let service = start(folder.path());
    let token = service.token().unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let job = id(&submit(&service, &token, &listener));
    let message = Message::receive(&listener);
    let body: Value = serde_json::from_slice(&message.body).unwrap();
    assert_eq!(
        (
            &body["type"],
            &body["data"]["job_id"],
            &body["data"]["labels"]
        ),
        (
            &json!("job.completed"),
            &json!(job),
            &json!({"commit": "4f2a91c"})
        )
    );

    let secret = folder.path().join("webhook-secret");
    let genuine = message.verify(&secret, &[], &message.body);
    assert_eq!(
        (genuine.code, &*genuine.out),
        (0, "the message is genuine\n")
    );
    let forged = message.verify(&secret, &[], b"{}");
    assert_eq!(forged.code, 1);
    assert!(
        forged.err.contains("no signature of these bytes"),
        "{}",
        forged.err
    );
    let old = ["--timestamp", "1700000000"];
    assert!(
        message
            .verify(&secret, &old, &message.body)
            .err
            .contains("five minutes old")
    );
    let old = ["--timestamp", "1700000000", "--no-tolerance"];
    assert!(
        message
            .verify(&secret, &old, &message.body)
            .err
            .contains("no signature")
    );
    let anytime = message.verify(&secret, &["--no-tolerance"], &message.body);
    assert_eq!(anytime.code, 0);
    let other = folder.path().join("other");
    let made = run(&mut command("", "", &["webhook", "secret"]));
    std::fs::write(&other, &made.out).unwrap();
    assert_eq!(message.verify(&other, &[], &message.body).code, 1);
    std::fs::write(&other, "hunter2").unwrap();
    let bad = message.verify(&other, &[], &message.body);
    assert_eq!(bad.code, 2);
    assert!(!bad.err.contains("hunter2"), "{}", bad.err);

    let tars = |arguments: &[&str]| run(&mut command(service.url(), &token, arguments)).out;
    message.answer();
    loop {
        let listed: Value =
            serde_json::from_str(&tars(&["webhook", "list", &job, "--json"])).unwrap();
        if listed["items"][0]["state"] == "delivered" {
            break;
        }
    }
    let listed = tars(&["webhook", "list", &job]);
    assert!(listed.contains("is delivered\n"), "{listed}");
    assert!(listed.contains("attempt 1, "), "{listed}");
    assert!(listed.contains("answered with 200"), "{listed}");
    tars(&["webhook", "redeliver", &job]);
    let again = Message::receive(&listener);
    assert_eq!(again.header("webhook-id"), job);
    assert_eq!(again.verify(&secret, &[], &again.body).code, 0);
}

/// The receiver has the message, and nobody has noted that: it comes again, under the same id, until it is
/// answered.
#[test]
fn a_message_comes_again_when_its_sender_is_killed_before_the_note() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = start(folder.path());
    let token = service.token().unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let job = id(&submit(&service, &token, &listener));
    let first = Message::receive(&listener);
    service.kill();
    let service = start(folder.path());
    let second = Message::receive(&listener);
    assert_eq!(second.header("webhook-id"), first.header("webhook-id"));
    assert_eq!(second.body, first.body);
    second.answer();
    loop {
        let list = ["webhook", "list", &job, "--json"];
        let listed = run(&mut command(service.url(), &token, &list)).out;
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let webhook = &listed["items"][0];
        if webhook["state"] == "delivered" {
            assert_eq!(webhook["attempt"], 2);
            let known = webhook["attempts"].as_array().unwrap();
            assert_eq!(known.len(), 1, "what became of the first is not known");
            break;
        }
    }
}
