//! `tars dlq`, run as operators and scripts run it: the real binary against a real service.

use crate::bench::{Bench, example, id};

/// Two jobs that failed: a policy of `CartPole` in `Pendulum`.
fn failures(bench: &Bench) -> [String; 2] {
    [(); 2].map(|()| {
        let policy = example("cartpole-ppo.zip");
        let submit = [
            "submit",
            &policy,
            "--agent",
            "PPO",
            "--env",
            "Pendulum-v1",
            "--wait",
        ];
        let job = bench.json(&submit);
        assert_eq!(job["status"], "failed", "{job}");
        id(&job).to_owned()
    })
}

#[test]
fn dead_letters_are_summarized_rehearsed_mended_and_replayed() {
    let bench = Bench::new();
    let empty = bench.tars(&["dlq", "list"]);
    assert!(empty.out.contains("no dead letters"), "{}", empty.out);
    let [first, second] = failures(&bench);
    let summary = bench.json(&["dlq", "summary"]);
    assert_eq!(summary["groups"][0]["open"], 2);
    let group = summary["groups"][0]["fingerprint"]
        .as_str()
        .expect("a fingerprint");
    let shown = bench.tars(&["dlq", "show", &first]);
    assert!(
        shown.out.contains("attempt 1") && shown.out.contains("takes observations of 4"),
        "{}",
        shown.out
    );

    let dry = bench.tars(&["dlq", "replay", "--fingerprint", group, "--dry-run"]);
    assert!(
        dry.err.contains("2 would be refused: invalid"),
        "{}",
        dry.err
    );
    let nothing = bench.tars(&["dlq", "replay"]);
    assert_eq!(nothing.code, 2, "{}", nothing.err);
    assert!(nothing.err.contains("--all"), "{}", nothing.err);

    let patch = r#"{"environments": ["CartPole-v1"], "num_episodes": 5}"#;
    let mended = ["dlq", "replay", "--all", "--canary", "1", "--patch", patch];
    let unasked = bench.tars(&mended);
    assert_eq!(unasked.code, 2);
    assert!(unasked.err.contains("say --yes"), "{}", unasked.err);
    let replayed = bench.tars(&[&mended[..], &["--yes", "--note", "wrong environment"]].concat());
    assert_eq!(replayed.code, 0, "{}", replayed.err);
    assert!(
        replayed.out.contains("2 of 2 succeeded"),
        "{}",
        replayed.out
    );
    for job in [&first, &second] {
        let job = bench.json(&["jobs", "show", job]);
        let later = bench.json(&["jobs", "show", job["retried_as"].as_str().expect("a job")]);
        assert_eq!(later["status"], "completed");
    }
    let again = bench.tars(&["dlq", "replay", &first, "--yes"]);
    assert_eq!(again.code, 1, "{}", again.out);
    assert!(
        again.out.contains("1 refused: completed_meanwhile"),
        "{}",
        again.out
    );
    let replays = bench.tars(&["dlq", "replays"]);
    assert!(replays.out.contains("wrong environment"), "{}", replays.out);
}

#[test]
fn a_replay_that_fails_again_stops_and_letters_are_set_aside() {
    let bench = Bench::new();
    let [first, _] = failures(&bench);
    let discarded = bench.tars(&["dlq", "discard", &first, "--yes", "--note", "known"]);
    assert!(
        discarded.out.contains("discarded 1 dead letters"),
        "{}",
        discarded.out
    );
    let open = bench.json(&["dlq", "list", "--state", "open"]);
    assert_eq!(open["items"].as_array().map(Vec::len), Some(1));
    let restored = bench.tars(&["dlq", "restore", "--all"]);
    assert!(
        restored.out.contains("restored 1 dead letters"),
        "{}",
        restored.out
    );
    // Both fail again, one of them as the canary.
    let failing = [
        "dlq", "replay", "--all", "--yes", "--canary", "1", "--detach",
    ];
    let begun = bench.tars(&failing);
    assert_eq!(begun.code, 0, "{}", begun.err);
    let id = begun.out.split_whitespace().nth(1).expect("an id");
    let watched = bench.tars(&["dlq", "watch", id]);
    assert_eq!(watched.code, 1, "{}", watched.out);
    assert!(
        watched
            .out
            .contains("is stopped (1 of 1 canaries failed again)"),
        "{}",
        watched.out
    );
    let paused = bench.tars(&["dlq", "pause", id]);
    assert_ne!(paused.code, 0, "it waits already: {}", paused.out);
    let cancelled = bench.tars(&["dlq", "cancel", id]);
    assert!(cancelled.out.contains("is cancelled"), "{}", cancelled.out);
    let resumed = bench.tars(&["dlq", "resume", id]);
    assert_ne!(resumed.code, 0, "it has ended: {}", resumed.out);
}
