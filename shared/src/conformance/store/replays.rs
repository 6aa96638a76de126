//! Replays of dead letters.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;
use uuid::Uuid;

use super::claiming::{claim, failed, granted, status};
use crate::artifact::Digest;
use crate::clock::{Clock as _, Manual};
use crate::conformance::samples::{actor, submission};
use crate::conformance::store::fixture::Fixture;
use crate::dead_letter::{DeadLetterFilter, State};
use crate::job::{FailureKind, Status};
use crate::queue::DeadMessage;
use crate::replay::{Counts, NewReplay, Outcome, Plan, Refusal, Replay, ReplayState, Selection};
use crate::request::Priority;
use crate::store::{Begun, Discarding, Ending, Finish, ReplayChange, ReplayChanged, Store};
use crate::submission::{Submission, retry_job_id};

const MAX_REPLAYS: u32 = 2;

/// So many steps are enough for every replay here.
const STEPS: usize = 50;

fn plan() -> Plan {
    Plan {
        canary: None,
        ramp: None,
        limit: None,
        rate_per_second: None,
        stop_at_failure_rate: Some(1.0),
        priority: Priority::Low,
        patch: None,
    }
}

fn open() -> Selection {
    Selection::Filter(Box::new(DeadLetterFilter {
        state: Some(State::Open),
        ..DeadLetterFilter::default()
    }))
}

fn replay(clock: &Manual, selection: Selection, plan: Plan) -> NewReplay {
    NewReplay {
        id: clock.new_id(),
        request_hash: Digest::of(b"replay"),
        selection,
        plan,
        note: Some("the disk was full".to_owned()),
    }
}

async fn begin(store: &Store, replay: &NewReplay) -> Replay {
    match store.replays.begin(replay, &actor()).await.unwrap() {
        Begun::New(replay) => replay,
        other => panic!("it should have been begun: {other:?}"),
    }
}

async fn find(store: &Store, id: Uuid) -> Replay {
    store.replays.find(id).await.unwrap().expect("it is there")
}

/// Takes steps until none is left at this moment; the new jobs.
async fn advance(store: &Store) -> Vec<Submission> {
    let mut jobs = Vec::new();
    for _ in 0..STEPS {
        match store.replays.advance(MAX_REPLAYS).await.unwrap() {
            Some(step) => jobs.extend(step.jobs),
            None => return jobs,
        }
    }
    panic!("its steps come to no end");
}

/// Lets time pass, so that replays look at their jobs again.
async fn later(fixture: &Fixture) -> Vec<Submission> {
    fixture.clock.advance(TimeDelta::seconds(2));
    advance(&fixture.store).await
}

async fn end(store: &Store, submission: &Submission, ending: Ending) {
    let lease = granted(&claim(store, submission).await);
    assert!(
        store
            .leases
            .finish_one(Finish::of(lease, ending))
            .await
            .unwrap()
    );
}

async fn fail(store: &Store, submission: &Submission) {
    end(
        store,
        submission,
        Ending::Failed(failed(FailureKind::Timeout)),
    )
    .await;
}

async fn complete(store: &Store, submission: &Submission) {
    end(store, submission, Ending::Completed(Vec::new())).await;
}

/// Jobs that failed, one second after the other.
async fn failures(fixture: &Fixture, count: usize) -> Vec<Submission> {
    let Fixture { store, clock } = fixture;
    let statistics = b"statistics";
    store
        .artifacts
        .put(Digest::of(statistics), statistics)
        .await
        .unwrap();
    let mut failed = Vec::with_capacity(count);
    for _ in 0..count {
        clock.advance(TimeDelta::seconds(1));
        let submission = submission(&**clock);
        fail(store, &submission).await;
        failed.push(submission);
    }
    failed
}

/// Each letter becomes one job, which names what it repeats; the letter says where it went on.
///
/// # Panics
/// When a promise is broken.
pub async fn a_replay_makes_one_job_of_each_letter(fixture: Fixture) {
    let Fixture { store, clock } = &fixture;
    let letters = failures(&fixture, 3).await;
    let new = replay(clock, open(), plan());
    let begun = begin(store, &new).await;
    assert_eq!(
        (begun.state, begun.counts, begun.selected),
        (ReplayState::Selecting, Counts::default(), false)
    );
    // What comes later is not its own.
    clock.advance(TimeDelta::seconds(1));
    let late = submission(&**clock);
    fail(store, &late).await;

    let jobs = advance(store).await;
    let expected: Vec<_> = letters
        .iter()
        .map(|letter| retry_job_id(letter.job_id))
        .collect();
    let ids: Vec<_> = jobs.iter().map(|job| job.job_id).collect();
    assert_eq!(ids, expected, "the oldest first");
    for (job, letter) in jobs.iter().zip(&letters) {
        assert_eq!(job.retry_of, Some(letter.job_id));
        assert_eq!(job.subject, letter.subject);
        assert_eq!(job.request.parameters.priority, Priority::Low);
        assert_eq!(job.request.parameters.seed, letter.request.parameters.seed);
        assert_eq!(status(store, job.job_id).await, Status::Queued);
        let letter = store.dead_letters.find(letter.job_id).await.unwrap();
        let letter = letter.expect("it stays");
        assert_eq!(
            (letter.state, letter.replayed_as, letter.state_since),
            (State::Replayed, Some(job.job_id), Some(clock.now()))
        );
    }
    let letter = store.dead_letters.find(late.job_id).await.unwrap().unwrap();
    assert_eq!(letter.state, State::Open);

    complete(store, &jobs[0]).await;
    fail(store, &jobs[1]).await;
    store.jobs.cancel(jobs[2].job_id).await.unwrap();
    assert_eq!(
        find(store, new.id).await.counts.queued,
        3,
        "until it is looked at"
    );
    assert_eq!(later(&fixture).await, []);
    let ended = find(store, new.id).await;
    let counts = Counts {
        total: 3,
        succeeded: 1,
        failed: 2,
        ..Counts::default()
    };
    assert_eq!((ended.state, ended.counts), (ReplayState::Finished, counts));
    let outcomes = store.replays.items(new.id, None, None, 10).await.unwrap();
    let outcomes: Vec<_> = outcomes.iter().map(|item| item.outcome).collect();
    assert_eq!(
        outcomes,
        [Outcome::Succeeded, Outcome::Failed, Outcome::Failed]
    );
    let failed = Some(Outcome::Failed);
    let page = store.replays.items(new.id, failed, Some(1), 10).await;
    assert_eq!(page.unwrap().len(), 1, "behind a position");
    let again = store.dead_letters.find(jobs[1].job_id).await.unwrap();
    assert_eq!(again.expect("it failed again").replays, 1);

    // The same wish again is the same replay; another under its id is none.
    let known = store.replays.begin(&new, &actor()).await.unwrap();
    assert_eq!(known, Begun::Known(ended.clone()));
    let other = NewReplay {
        request_hash: Digest::of(b"another"),
        ..new
    };
    let conflict = store.replays.begin(&other, &actor()).await.unwrap();
    assert_eq!(conflict, Begun::Conflict);
    assert_eq!(store.replays.list(None, 10).await.unwrap(), [ended]);
}

/// Whoever replays the same letters at the same time makes one job of each.
///
/// # Panics
/// When a promise is broken.
pub async fn overlapping_replays_make_one_job_of_each_letter(fixture: Fixture) {
    let Fixture { store, clock } = &fixture;
    let letters = failures(&fixture, 12).await;
    let some = letters[..8].iter().map(|letter| letter.job_id).collect();
    let replays = [
        replay(clock, open(), plan()),
        replay(clock, Selection::Ids(some), plan()),
        replay(clock, open(), plan()),
    ];
    for new in &replays {
        begin(store, new).await;
    }
    let mut jobs = Vec::new();
    for _ in 0..STEPS {
        let steps = join_all((0..4).map(|_| store.replays.advance(MAX_REPLAYS))).await;
        let made = steps.into_iter().filter_map(Result::unwrap);
        for job in made.flat_map(|step| step.jobs) {
            complete(store, &job).await;
            jobs.push(job);
        }
        clock.advance(TimeDelta::seconds(1));
    }
    let mut ids: Vec<_> = jobs.iter().map(|job| job.job_id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((jobs.len(), ids.len()), (letters.len(), letters.len()));
    let (mut succeeded, mut refused) = (0, 0);
    for (new, total) in replays.iter().zip([12, 8, 12]) {
        let ended = find(store, new.id).await;
        assert_eq!(ended.state, ReplayState::Finished, "{ended:?}");
        assert_eq!(ended.counts.total, total);
        assert_eq!(ended.counts.succeeded + ended.counts.refused, total);
        succeeded += ended.counts.succeeded;
        refused += ended.refusals.values().sum::<u64>();
    }
    assert_eq!((succeeded, refused), (12, 20));
}

/// What is not replayed says why, and stays what it is.
///
/// # Panics
/// When a promise is broken.
pub async fn a_letter_that_is_not_replayed_says_why(fixture: Fixture) {
    let Fixture { store, clock } = &fixture;
    let letters = failures(&fixture, 3).await;
    let ids = |jobs: &[Uuid]| Selection::Ids(jobs.to_vec());
    let [discarded, retried, left] = [0, 1, 2].map(|index: usize| letters[index].job_id);
    let aside = Discarding {
        selection: &ids(&[discarded]),
        until: clock.now(),
        restore: false,
        note: Some("nobody wants it"),
    };
    store
        .dead_letters
        .discard(&aside, None, &actor())
        .await
        .unwrap();
    let retry = Submission {
        job_id: retry_job_id(retried),
        retry_of: Some(retried),
        ..letters[1].clone()
    };
    complete(store, &retry).await;
    let refusals = async |selection, plan| {
        let new = replay(clock, selection, plan);
        begin(store, &new).await;
        assert_eq!(advance(store).await, [], "nothing is replayed");
        later(&fixture).await;
        let ended = find(store, new.id).await;
        assert_eq!(ended.state, ReplayState::Finished);
        assert_eq!(ended.counts.refused, ended.counts.total);
        ended.refusals
    };
    assert_eq!(
        refusals(ids(&[discarded, retried]), plan()).await,
        BTreeMap::from([(Refusal::CompletedMeanwhile, 1), (Refusal::Discarded, 1)])
    );
    let letter = store.dead_letters.find(retried).await.unwrap().unwrap();
    assert_eq!(
        letter.replayed_as,
        Some(retry.job_id),
        "it says where it went on"
    );

    for (patch, refusal) in [
        (json!({"environments": ["Nowhere-v0"]}), Refusal::Invalid),
        (
            json!({"agent_state": {"vec_normalize": {"artifact": Digest::of(b"gone")}}}),
            Refusal::ArtifactGone,
        ),
    ] {
        let plan = Plan {
            patch: Some(patch),
            ..plan()
        };
        let expected = BTreeMap::from([(refusal, 1)]);
        assert_eq!(refusals(ids(&[left]), plan).await, expected);
    }

    let mut id = left;
    for _ in 0..MAX_REPLAYS {
        begin(store, &replay(clock, ids(&[id]), plan())).await;
        let jobs = advance(store).await;
        fail(store, &jobs[0]).await;
        later(&fixture).await;
        id = jobs[0].job_id;
    }
    let expected = BTreeMap::from([(Refusal::MaxReplays, 1)]);
    assert_eq!(refusals(ids(&[id]), plan()).await, expected);
    let expected = BTreeMap::from([(Refusal::AlreadyReplayed, 1)]);
    assert_eq!(refusals(ids(&[left]), plan()).await, expected);
}

/// A patch changes what is asked for, and only that.
///
/// # Panics
/// When a promise is broken.
pub async fn a_patch_changes_what_is_replayed(fixture: Fixture) {
    let Fixture { store, clock } = &fixture;
    let letters = failures(&fixture, 1).await;
    let plan = Plan {
        patch: Some(json!({"timeout_seconds": 1234, "labels": {"mended": "yes"}})),
        priority: Priority::High,
        ..plan()
    };
    begin(store, &replay(clock, open(), plan)).await;
    let jobs = advance(store).await;
    let mut expected = letters[0].request.clone();
    expected.parameters.timeout_seconds = 1234;
    expected.parameters.priority = Priority::High;
    let labels = &mut expected.parameters.labels;
    labels.insert("mended".to_owned(), "yes".to_owned());
    assert_eq!(jobs[0].request, expected);
    assert_ne!(jobs[0].request_hash, letters[0].request_hash);
    let stored = store.jobs.submission(jobs[0].job_id).await.unwrap();
    assert_eq!(stored.as_ref(), Some(&jobs[0]));
}

/// A replay stops by itself, and waits, goes on and ends when somebody says so.
///
/// # Panics
/// When a promise is broken.
pub async fn a_replay_stops_waits_and_goes_on(fixture: Fixture) {
    let Fixture { store, clock } = &fixture;
    failures(&fixture, 9).await;
    let careful = Plan {
        canary: Some(2),
        stop_at_failure_rate: None,
        ..plan()
    };
    let new = replay(clock, open(), careful);
    begin(store, &new).await;
    let canaries = advance(store).await;
    assert_eq!(canaries.len(), 2);
    fail(store, &canaries[0]).await;
    complete(store, &canaries[1]).await;
    assert_eq!(later(&fixture).await, []);
    let stopped = find(store, new.id).await;
    assert_eq!(stopped.state, ReplayState::Stopped);
    assert!(
        stopped.reason.as_deref().unwrap().contains("1 of 2"),
        "{stopped:?}"
    );
    let change = async |change| {
        store
            .replays
            .change(new.id, &change, &actor())
            .await
            .unwrap()
    };
    let state = |changed| match changed {
        Some(ReplayChanged::Made(replay)) => replay.state,
        other => panic!("it should have been changed: {other:?}"),
    };
    assert_eq!(
        state(change(ReplayChange::Resume).await),
        ReplayState::Running
    );
    let more = advance(store).await;
    assert_eq!(more.len(), 2, "as many others");
    let pause = ReplayChange::Pause {
        reason: Some("lunch".to_owned()),
    };
    assert_eq!(state(change(pause).await), ReplayState::Paused);
    for job in &more {
        complete(store, job).await;
    }
    assert_eq!(later(&fixture).await, [], "it is paused");
    let paused = find(store, new.id).await;
    assert_eq!(
        (
            paused.counts.succeeded,
            paused.counts.queued,
            paused.reason.as_deref()
        ),
        (3, 0, Some("lunch")),
        "what was replayed goes on"
    );
    let adjust = ReplayChange::Adjust {
        rate_per_second: Some(Some(1.0)),
        note: Some("slowly".to_owned()),
    };
    change(adjust).await;
    change(ReplayChange::Resume).await;
    assert_eq!(later(&fixture).await.len(), 1, "at its new rate");
    assert_eq!(
        state(change(ReplayChange::Cancel).await),
        ReplayState::Cancelled
    );
    assert_eq!(later(&fixture).await, []);
    let cancelled = find(store, new.id).await;
    assert_eq!(cancelled.counts.remaining, 4);
    assert_eq!(cancelled.note.as_deref(), Some("slowly"));
    assert_eq!(
        change(ReplayChange::Resume).await,
        Some(ReplayChanged::Impossible(ReplayState::Cancelled))
    );
    let letters = DeadLetterFilter {
        state: Some(State::Open),
        ..DeadLetterFilter::default()
    };
    let open = store.dead_letters.list(&letters, None, 20).await.unwrap();
    assert_eq!(
        open.len(),
        5,
        "what was not replayed, and what failed again"
    );
}

/// A message whose key belongs to another request is nobody's job, and its replay is refused as such.
///
/// # Panics
/// When a promise is broken.
pub async fn a_message_under_a_foreign_key_is_not_replayed(fixture: Fixture) {
    let Fixture { store, clock } = &fixture;
    let owner = submission(&**clock);
    complete(store, &owner).await;
    let stranger = Submission {
        request_hash: Digest::of(b"another"),
        ..owner.clone()
    };
    let message = DeadMessage {
        message_id: clock.new_id(),
        body: serde_json::to_vec(&stranger).unwrap().into(),
        submission: Ok(stranger),
        reason: "delivery_limit".to_owned(),
    };
    let messages = &store.dead_messages;
    messages.dead_letter(&message, MAX_REPLAYS).await.unwrap();
    let new = replay(clock, open(), plan());
    begin(store, &new).await;
    assert_eq!(advance(store).await, []);
    later(&fixture).await;
    let ended = find(store, new.id).await;
    assert_eq!(ended.refusals, BTreeMap::from([(Refusal::Invalid, 1)]));
    let letter = store.dead_letters.find(message.message_id).await.unwrap();
    let letter = letter.expect("it stays");
    assert_eq!((letter.state, letter.replayed_as), (State::Open, None));
}
