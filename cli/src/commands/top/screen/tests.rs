//! Screens of fixed states.

use serde_json::{Value, from_value, json};
use tars_client::Error;
use tars_shared::job::Ledger;

use super::super::figures::{Figures, Waiting};
use super::super::source::Source;
use super::*;
use crate::render::Palette;

const ID: &str = "0190a000-0000-7000-8000-000000000001";

fn now() -> DateTime<Utc> {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn shown(view: &View, columns: usize) -> String {
    let paint = |line: Line| line.paint(columns, Palette::plain()) + "\n";
    lines(view, now()).into_iter().map(paint).collect()
}

fn health(status: &str, detail: &str) -> Value {
    let part = |name: &str, state: &str| json!({"name": name, "state": state, "latency_ms": 0.25});
    let parts = [part("store", "healthy"), part("queue", status)];
    json!({"status": status, "version": "1.2.3", "detail": detail, "parts": parts})
}

fn figures() -> Figures {
    let mut jobs = Ledger::default();
    jobs.add(Status::Queued, 1234);
    let late = Waiting {
        queued: Some(1200),
        oldest_seconds: Some(620.0),
        overdue: Some(7),
    };
    let waiting = [late, Waiting::default(), Waiting::default()];
    Figures { jobs, waiting }
}

/// A busy service.
fn busy() -> View {
    let worker = json!({"name": "w-1", "state": "draining", "host": "red", "version": "1.2.3",
        "started_at": "2026-01-02T01:04:05Z", "seen_at": "2026-01-02T03:04:04Z",
        "slots": 4, "busy": 2, "running": [ID, ID]});
    let pause = json!({"id": ID, "scope": "environment", "value": "CartPole-v1", "reason": "a\u{1b}[2Jdefect",
        "paused_by": "user:ada", "since": "2026-01-02T03:03:05Z", "until": null, "held": 12});
    let letter = json!({"id": ID, "at": "2026-01-02T03:04:00Z", "kind": "timeout", "reason": "too slow",
        "state": "open", "replays": 0, "replayed_as": null, "note": null, "expires_at": null, "request": null});
    let replay = |state: &str, by: &str| {
        json!({"id": ID, "created_at": "2026-01-02T03:00:05Z", "created_by": by,
        "state": state, "reason": null, "note": null, "wave": 1, "refusals": {},
        "counts": {"total": 4, "queued": 1, "succeeded": 2, "failed": 0, "refused": 0, "remaining": 1}})
    };
    View {
        health: from_value(health("healthy", "every part answers")).unwrap(),
        figures: Some(figures()),
        workers: from_value(json!({"items": [worker], "next_cursor": null})).unwrap(),
        demand: from_value(json!({"workers_wanted": 3, "workers": 1, "slots": 4})).unwrap(),
        pauses: from_value(json!([pause])).unwrap(),
        letters: from_value(json!([letter])).unwrap(),
        replays: from_value(json!([
            replay("running", "user:bob"),
            replay("finished", "user:eve")
        ]))
        .unwrap(),
        answered_at: Some(now()),
        ..View::new("http://127.0.0.1:8099".to_owned())
    }
}

fn row(screen: &str, name: &str) -> Vec<String> {
    let line = screen
        .lines()
        .find(|line| line.trim_start().starts_with(name));
    let line = line.unwrap_or_else(|| panic!("no {name} in {screen}"));
    line.split_whitespace().map(ToOwned::to_owned).collect()
}

#[test]
fn all_that_is_known_is_on_the_screen() {
    let screen = shown(&busy(), usize::MAX);
    assert!(
        screen.starts_with("tars top  http://127.0.0.1:8099  version 1.2.3"),
        "{screen}"
    );
    assert!(screen.contains("healthy: every part answers"), "{screen}");
    assert!(
        screen.contains("store healthy 0.2 ms   queue healthy"),
        "{screen}"
    );
    assert!(screen.contains("1,234 queued"), "{screen}");
    assert!(
        screen.contains("1 workers take jobs, with 4 slots   3 wanted"),
        "{screen}"
    );
    assert_eq!(
        row(&screen, "high"),
        ["high", "1,200", "-", "10", "min", "7"]
    );
    assert_eq!(row(&screen, "low"), ["low", "-", "-", "-", "-"]);
    assert_eq!(
        row(&screen, "w-1")[1..5],
        ["red", "draining", "2/4", "1.2.3"]
    );
    assert!(screen.contains(&format!("{ID} and 1 more")), "{screen}");
    assert!(screen.contains("environment CartPole-v1  12"), "{screen}");
    assert!(screen.contains("too slow"), "{screen}");
    assert!(
        screen.contains("75 %  2 of 4 succeeded, 1 under way, 1 remain"),
        "{screen}"
    );
    assert!(
        !screen.contains("user:eve"),
        "that replay is over: {screen}"
    );
    assert!(
        !screen.contains('\u{1b}'),
        "a reason moves no cursor: {screen}"
    );
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for columns in [0, 1, 20, 40, 80] {
        let screen = shown(&busy(), columns);
        let widest = screen.lines().map(|line| line.chars().count()).max();
        assert!(
            widest <= Some(columns),
            "{widest:?} above {columns}: {screen}"
        );
    }
}

#[test]
fn a_part_that_is_away_is_named() {
    let mut view = busy();
    view.health = from_value(health("unhealthy", "no job is accepted")).unwrap();
    let screen = shown(&view, 80);
    assert!(screen.contains("unhealthy: no job is accepted"), "{screen}");
    assert!(screen.contains("queue unhealthy"), "{screen}");
}

fn lost() -> Error {
    Error::Lost {
        server: "http://127.0.0.1:8099".parse().unwrap(),
        reason: "no answer in time".to_owned(),
    }
}

#[test]
fn what_is_not_answered_is_said_once_for_each_reason() {
    let mut view = busy();
    view.errors.insert(Source::Pauses, lost());
    view.errors.insert(Source::Letters, lost());
    let screen = shown(&view, usize::MAX);
    assert!(
        screen.contains("no news  of pauses, dead_letters: the answer of"),
        "{screen}"
    );
    assert_eq!(screen.matches("no answer in time").count(), 1, "{screen}");
    assert!(!screen.contains("the service is away"), "{screen}");
}

#[test]
fn an_absent_service_is_said_to_be_away_beside_what_was_known() {
    let mut view = busy();
    view.answered_at = Some(now() - chrono::TimeDelta::seconds(90));
    view.errors = Source::ALL.map(|source| (source, lost())).into();
    let screen = shown(&view, usize::MAX);
    assert!(screen.contains("the service is away: "), "{screen}");
    assert!(
        screen.contains("what is shown was so 1 min ago"),
        "{screen}"
    );
    assert!(screen.contains("w-1"), "{screen}");

    let mut view = View::new("http://127.0.0.1:8099".to_owned());
    view.errors = Source::ALL.map(|source| (source, lost())).into();
    assert!(shown(&view, 200).contains("nothing is known of it yet"));
}
