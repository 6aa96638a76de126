//! `tars top`: one screen where no terminal is, and one that is drawn anew where one is.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread;

use crate::bench::{Bench, example, id, tars};
use crate::pseudo_terminal::PseudoTerminal;
use crate::run::command;

/// Lines are wrapped again, the cursor is shown again, and the screen of before is back.
const LEFT: &str = "\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l";
const CTRL_C: u8 = 3;

#[test]
fn one_screen_shows_the_service_and_one_document_holds_it() {
    let bench = Bench::new();
    let policy = example("cartpole-ppo.zip");
    let submit = ["submit", &policy, "--agent", "PPO", "--episodes", "5"];
    let job = bench.json(&[&submit[..], &["--wait"]].concat());
    assert_eq!(job["status"], "completed", "{job}");
    let failed = bench.json(&[&submit[..], &["--env", "Pendulum-v1", "--wait"]].concat());
    assert_eq!(failed["status"], "failed", "{failed}");
    let begin = [
        "pauses",
        "begin",
        "--priority",
        "low",
        "--reason",
        "a sweep was wrong",
    ];
    assert_eq!(bench.tars(&begin).code, 0);

    let document = bench.json(&["top"]);
    assert_eq!(document["health"]["status"], "healthy", "{document}");
    assert_eq!(document["jobs"]["completed"], 1, "{document}");
    assert_eq!(document["jobs"]["failed"], 1, "{document}");
    assert_eq!(document["priorities"]["high"]["queued"], 0, "{document}");
    assert_eq!(document["priorities"]["high"]["overdue"], 0, "{document}");
    assert_eq!(
        document["priorities"]["high"]["oldest_seconds"], 0.0,
        "{document}"
    );
    assert_eq!(document["dead_letters"][0]["id"], id(&failed), "{document}");
    assert_eq!(document["pauses"][0]["value"], "low", "{document}");
    assert_eq!(document["demand"]["workers"], 1, "{document}");
    assert_eq!(
        document["errors"].as_object().map(serde_json::Map::len),
        Some(0),
        "{document}"
    );
    let worker = document["workers"][0]["name"].as_str().expect("a name");

    for arguments in [&["top"][..], &["top", "--once"]] {
        let screen = bench.tars(arguments);
        assert_eq!(screen.code, 0, "{}", screen.err);
        for part in [
            "healthy: every part answers",
            "1 completed   1 failed",
            "priority low",
            "a sweep was wrong",
            id(&failed),
            worker,
        ] {
            assert!(screen.out.contains(part), "no {part} in {}", screen.out);
        }
        assert!(
            !screen.out.contains('\u{1b}'),
            "no terminal is there: {}",
            screen.out
        );
    }
}

#[test]
fn who_may_not_look_and_where_nobody_answers_is_said() {
    let mut bench = Bench::new();
    let stranger = tars(bench.service.url(), "", &["top", "--once"]);
    assert_eq!(stranger.code, 2, "{}", stranger.out);
    assert!(stranger.err.contains("TARS_TOKEN"), "{}", stranger.err);
    let wrong = bench.tars(&["top", "--interval", "0.1"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("from 0.2 to 60"), "{}", wrong.err);

    bench.service.kill();
    for arguments in [&["top", "--once"][..], &["top", "--json"]] {
        let absent = bench.tars(arguments);
        assert_eq!((absent.code, &*absent.out), (2, ""), "{}", absent.err);
        assert!(
            absent.err.contains("no service answers at"),
            "{}",
            absent.err
        );
    }
}

/// What a service says whose database and queue are away. It listens until the process ends.
fn service_in_trouble() -> String {
    const HEALTH: &str = r#"{"status":"unhealthy","version":"1","detail":"no job is accepted",
        "parts":[{"name":"store","state":"unhealthy","latency_ms":800.0}]}"#;
    const PROBLEM: &str =
        r#"{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"come back"}"#;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let mut request = String::new();
            let mut reader = BufReader::new(&connection);
            while !request.ends_with("\r\n\r\n") && reader.read_line(&mut request).is_ok() {}
            let (status, body) = match request.split(' ').nth(1) {
                Some("/health") => ("503 Service Unavailable", HEALTH),
                Some("/metrics") => ("200 OK", "tars_eval_jobs{status=\"queued\"} 12\n"),
                _ => ("503 Service Unavailable", PROBLEM),
            };
            let length = body.len();
            let _ = write!(
                &connection,
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    format!("http://{address}")
}

#[test]
fn a_service_in_trouble_shows_how_it_does() {
    let screen = tars(&service_in_trouble(), "tars_x", &["top", "--once"]);
    assert_eq!(screen.code, 0, "{}", screen.err);
    for part in [
        "unhealthy: no job is accepted",
        "12 queued",
        "no news  of workers, demand, running, pauses, dead_letters, replays: come back",
    ] {
        assert!(screen.out.contains(part), "no {part} in {}", screen.out);
    }
}

#[test]
fn a_terminal_is_left_as_it_was_found() {
    let mut bench = Bench::new();
    let leave: [fn(&mut PseudoTerminal); 3] = [
        |terminal| terminal.press(b'q'),
        |terminal| terminal.press(CTRL_C),
        |terminal| terminal.terminate(),
    ];
    let top = |bench: &Bench| {
        let mut terminal = PseudoTerminal::open();
        let arguments = ["top", "--interval", "0.2"];
        terminal.start(&mut command(bench.service.url(), &bench.token, &arguments));
        terminal.wait_for("every part answers");
        terminal
    };
    let before = PseudoTerminal::open().modes();
    for leave in leave {
        let mut terminal = top(&bench);
        assert_ne!(
            terminal.modes(),
            before,
            "keys are read as they are pressed"
        );
        // It is drawn anew.
        terminal.wait_for("every part answers");
        leave(&mut terminal);
        assert!(terminal.end().success());
        terminal.wait_for(LEFT);
        assert_eq!(terminal.modes(), before);
    }

    let mut terminal = top(&bench);
    bench.service.kill();
    terminal.wait_for("the service is away: no service answers at");
    terminal.wait_for("every part answers");
    terminal.press(b'q');
    assert!(terminal.end().success());
    terminal.wait_for(LEFT);
}
