//! `tars top`, where no terminal is: it prints one screen.

use crate::bench::{Bench, example, id, tars};

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
        document["errors"].as_object().map(|errors| errors.len()),
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
