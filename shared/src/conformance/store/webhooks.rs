//! Webhooks, from the end of their job to their receiver.

use std::collections::BTreeSet;
use std::slice::from_ref;
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use uuid::Uuid;

use super::claiming::{TERMS, attempt, claim, failed, granted};
use crate::account::Action;
use crate::account::audit::AuditFilter;
use crate::clock::{Clock as _, Manual};
use crate::conformance::samples::{actor, submission, with_callback};
use crate::conformance::store::fixture::Fixture;
use crate::job::FailureKind;
use crate::queue::DeadMessage;
use crate::store::{Claim, Ending, Finish, Store};
use crate::submission::Submission;
use crate::webhook::{DeliveryFilter, DeliveryState, Due, Event, Noted, Outcome};

const URL: &str = "https://example.org/hooks?key=1";
const RESERVATION: Duration = Duration::from_mins(1);

fn asks(clock: &Manual) -> Submission {
    with_callback(clock, URL)
}

async fn end(store: &Store, submission: &Submission, ending: Ending) {
    let lease = granted(&claim(store, submission).await);
    let finish = Finish::of(lease, ending);
    assert!(store.leases.finish_one(finish).await.unwrap());
}

async fn complete(store: &Store, submission: &Submission) {
    end(store, submission, Ending::Completed(Vec::new())).await;
}

async fn take(store: &Store, limit: u32) -> Vec<Due> {
    store.webhooks.take_due(RESERVATION, limit).await.unwrap()
}

async fn take_one(store: &Store) -> Due {
    let mut taken = take(store, 10).await;
    assert_eq!(taken.len(), 1, "{taken:?}");
    taken.remove(0)
}

fn noted(outcome: Outcome, status: Option<u16>, error: Option<&str>) -> Noted {
    Noted {
        outcome,
        took: Duration::from_millis(12),
        status,
        error: error.map(str::to_owned),
    }
}

async fn note(store: &Store, due: &Due, outcome: Outcome) -> bool {
    let noted = noted(outcome, Some(500), Some("it answered with 500"));
    let noting = store.webhooks.note(due.id, due.attempt, &noted);
    noting.await.unwrap()
}

/// However a job ends, and whoever ends it, there is one message, if an address was named, with all that
/// it says; and none before the end.
///
/// # Panics
/// When a promise is broken.
pub async fn every_end_leaves_one_webhook_if_one_was_asked_for(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let mut expected = Vec::new();
    for (ending, event) in [
        (Ending::Completed(Vec::new()), Event::JobCompleted),
        (
            Ending::Failed(failed(FailureKind::InvalidPolicy)),
            Event::JobFailed,
        ),
        (Ending::Cancelled, Event::JobCancelled),
    ] {
        let (silent, asked) = (submission(&*clock), asks(&clock));
        for one in [&silent, &asked] {
            store.jobs.insert(from_ref(one)).await.unwrap();
            let lease = granted(&claim(&store, one).await);
            let so_far = store.webhooks.of_job(one.job_id).await.unwrap();
            assert_eq!(so_far, [], "it runs");
            let finish = Finish::of(lease, ending.clone());
            assert!(store.leases.finish_one(finish.clone()).await.unwrap());
            assert!(!store.leases.finish_one(finish).await.unwrap());
        }
        expected.push((asked.job_id, event));
    }

    // Cancelled while it waits, twice.
    let waits = asks(&clock);
    store.jobs.insert(from_ref(&waits)).await.unwrap();
    store.jobs.cancel(waits.job_id).await.unwrap();
    store.jobs.cancel(waits.job_id).await.unwrap();
    expected.push((waits.job_id, Event::JobCancelled));

    // Cancelled while it ran, by a worker that vanished; the row made from the message alone.
    let vanished = asks(&clock);
    claim(&store, &vanished).await;
    store.jobs.cancel(vanished.job_id).await.unwrap();
    clock.advance(TimeDelta::seconds(6));
    claim(&store, &vanished).await;
    expected.push((vanished.job_id, Event::JobCancelled));

    // Its attempts are spent.
    let spent = asks(&clock);
    for number in 1..=TERMS.max_attempts {
        assert_eq!(attempt(&claim(&store, &spent).await), number);
        clock.advance(TimeDelta::seconds(6));
    }
    assert_eq!(claim(&store, &spent).await, Claim::Exhausted);
    expected.push((spent.job_id, Event::JobFailed));

    // The queue gave up on its message.
    let undeliverable = asks(&clock);
    let message = DeadMessage {
        message_id: undeliverable.job_id,
        reason: "delivery_limit".to_owned(),
        submission: Ok(undeliverable.clone()),
        body: Bytes::new(),
    };
    let letters = &store.dead_messages;
    letters.dead_letter(&message, 1).await.unwrap();
    expected.push((undeliverable.job_id, Event::JobFailed));

    // Many at once.
    let many: Vec<_> = (0..5).map(|_| asks(&clock)).collect();
    store.jobs.insert(&many).await.unwrap();
    let mut finishes = Vec::new();
    for one in &many {
        let lease = granted(&claim(&store, one).await);
        finishes.push(Finish::of(lease, Ending::Completed(Vec::new())));
        expected.push((one.job_id, Event::JobCompleted));
    }
    let ended = store.leases.finish(&finishes).await.unwrap();
    assert!(ended.into_iter().all(|ended| ended.unwrap()));

    let taken = take(&store, 100).await;
    let mut found: Vec<_> = taken.iter().map(|due| (due.job_id, due.event)).collect();
    for list in [&mut found, &mut expected] {
        list.sort_by_key(|(job, _)| *job);
    }
    assert_eq!(found, expected);
    for due in &taken {
        let job = store.jobs.find(due.job_id).await.unwrap().unwrap();
        assert_eq!(due.event.status(), job.status);
        assert_eq!(Some(due.created_at), job.finished_at);
        assert_eq!((&*due.url, &due.parameters), (URL, &job.parameters));
        assert_eq!((due.attempt, due.tried, due.verdict), (1, 1, None));
    }
}

/// What is taken is nobody else's for a while; without a note it is due again under the same id, and whoever
/// had it before notes nothing any more.
///
/// # Panics
/// When a promise is broken.
pub async fn a_webhook_that_nobody_noted_is_due_again(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    complete(&store, &asks(&clock)).await;
    clock.advance(TimeDelta::seconds(1));
    complete(&store, &asks(&clock)).await;
    assert_eq!(store.webhooks.lag().await.unwrap(), Duration::from_secs(1));
    let first = take(&store, 1).await.remove(0);
    let second = take(&store, 1).await.remove(0);
    assert!(first.created_at < second.created_at, "the oldest first");
    assert_eq!(take(&store, 10).await, [], "both are in somebody's hands");

    clock.advance(TimeDelta::seconds(59));
    assert!(note(&store, &second, Outcome::Delivered).await);
    assert!(!note(&store, &second, Outcome::Dead).await, "once");
    assert_eq!(take(&store, 10).await, []);
    clock.advance(TimeDelta::seconds(1));
    let again = take_one(&store).await;
    assert_eq!((again.id, again.body()), (first.id, first.body()));
    assert_eq!((again.attempt, again.tried), (2, 2));
    assert!(!note(&store, &first, Outcome::Delivered).await, "too late");
    assert!(note(&store, &again, Outcome::Again(RESERVATION)).await);
    assert_eq!(take(&store, 10).await, [], "not yet");
    assert_eq!(store.webhooks.lag().await.unwrap(), Duration::ZERO);
    clock.advance(TimeDelta::seconds(60));
    let third = take_one(&store).await;
    assert_eq!((third.id, third.attempt), (first.id, 3));
    assert!(note(&store, &third, Outcome::Delivered).await);
    clock.advance(TimeDelta::days(1));
    assert_eq!(take(&store, 10).await, [], "it has arrived");
    let delivered = noted(Outcome::Delivered, Some(200), None);
    let unknown = store.webhooks.note(Uuid::nil(), 1, &delivered);
    assert!(!unknown.await.unwrap());
}

/// Of many who take at one time, each gets others.
///
/// # Panics
/// When a promise is broken.
pub async fn many_takers_share_what_is_due(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    for _ in 0..20 {
        complete(&store, &asks(&clock)).await;
    }
    let takers: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut taken = Vec::new();
                loop {
                    let more = take(&store, 3).await;
                    if more.is_empty() {
                        return taken;
                    }
                    taken.extend(more.into_iter().map(|due| due.id));
                }
            })
        })
        .collect();
    let mut taken = Vec::new();
    for taker in takers {
        taken.extend(taker.await.unwrap());
    }
    // Who was passed over while another had it locked is found at the next look.
    taken.extend(take(&store, 20).await.into_iter().map(|due| due.id));
    assert_eq!(taken.len(), 20);
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>().len(), 20);
}

/// Attempts stand with their message, in their order; messages are found by job and by state, the newest
/// first.
///
/// # Panics
/// When a promise is broken.
pub async fn webhooks_and_their_attempts_are_listed(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let jobs: Vec<_> = (0..3).map(|_| asks(&clock)).collect();
    for job in &jobs {
        complete(&store, job).await;
        clock.advance(TimeDelta::seconds(1));
    }
    let webhooks = &store.webhooks;
    let fate = [
        noted(Outcome::Delivered, Some(204), None),
        noted(Outcome::Dead, Some(410), Some("gone\0")),
        noted(Outcome::Again(RESERVATION), None, Some("no answer")),
    ];
    for (due, fate) in take(&store, 10).await.iter().zip(&fate) {
        assert!(webhooks.note(due.id, due.attempt, fate).await.unwrap());
    }
    let list = async |state, before, limit| {
        let filter = DeliveryFilter { state, before };
        webhooks.list(&filter, limit).await.unwrap()
    };
    let all = list(None, None, 10).await;
    let ids: Vec<_> = all.iter().map(|delivery| delivery.job_id).collect();
    assert_eq!(ids, [jobs[2].job_id, jobs[1].job_id, jobs[0].job_id]);
    let place = |at: usize| Some((all[at].created_at, all[at].id));
    assert_eq!(list(None, None, 1).await, all[..1]);
    assert_eq!(list(None, place(0), 10).await, all[1..]);
    for (at, state) in [
        DeliveryState::Pending,
        DeliveryState::Dead,
        DeliveryState::Delivered,
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(list(Some(state), None, 10).await, all[at..=at]);
        assert_eq!(all[at].state, state);
    }
    let [pending, dead, delivered] = &all[..] else {
        panic!("{all:?}")
    };
    assert_eq!(pending.due_at, clock.now() + TimeDelta::seconds(60));
    let [attempt] = &dead.attempts[..] else {
        panic!("{dead:?}")
    };
    assert_eq!((attempt.number, attempt.at), (1, clock.now()));
    assert_eq!((attempt.milliseconds, attempt.status), (12, Some(410)));
    assert_eq!(attempt.error.as_deref(), Some("gone\u{fffd}"));
    assert_eq!(delivered.attempts[0].error, None);
    clock.advance(TimeDelta::seconds(60));
    let again = take_one(&store).await;
    assert!(note(&store, &again, Outcome::Dead).await);
    let of_job = webhooks.of_job(jobs[2].job_id).await.unwrap();
    let numbers = of_job[0].attempts.iter().map(|attempt| attempt.number);
    assert_eq!(numbers.collect::<Vec<_>>(), [1, 2]);
    assert_eq!(webhooks.of_job(Uuid::nil()).await.unwrap(), []);
}

/// Whatever became of a message, it is sent again under its id when somebody asks, with all its attempts
/// before it; who asked is on record.
///
/// # Panics
/// When a promise is broken.
pub async fn a_webhook_is_sent_again_when_somebody_asks(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let webhooks = &store.webhooks;
    assert_eq!(
        webhooks.redeliver(Uuid::nil(), &actor()).await.unwrap(),
        None
    );
    complete(&store, &asks(&clock)).await;
    for (round, outcome) in (1..).zip([Outcome::Dead, Outcome::Delivered, Outcome::Dead]) {
        let due = take_one(&store).await;
        assert_eq!((due.attempt, due.tried), (round, 1));
        assert!(note(&store, &due, outcome).await);
        clock.advance(TimeDelta::days(1));
        assert_eq!(take(&store, 10).await, []);
        let asked = webhooks.redeliver(due.id, &actor()).await.unwrap();
        let asked = asked.expect("it is there");
        assert_eq!((asked.id, asked.state), (due.id, DeliveryState::Pending));
        assert_eq!(asked.due_at, clock.now());
        assert_eq!(asked.attempts.len(), round as usize);
    }
    // Asked for while an attempt is under way: the end of that one counts.
    let due = take_one(&store).await;
    webhooks.redeliver(due.id, &actor()).await.unwrap();
    assert_eq!(take(&store, 10).await, []);
    assert!(note(&store, &due, Outcome::Delivered).await);
    assert_eq!(take(&store, 10).await, []);
    let filter = AuditFilter {
        action: Some(Action::WebhookRedelivered),
        ..AuditFilter::default()
    };
    let entries = store.audit.list(&filter, 10).await.unwrap();
    assert_eq!(entries.len(), 4);
    assert_eq!(
        (&entries[0].actor, &entries[0].target),
        (&actor().name, &due.id.to_string())
    );
}

/// A message goes with its job, on its way or not.
///
/// # Panics
/// When a promise is broken.
pub async fn a_webhook_goes_with_its_job(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    for outcome in [Outcome::Delivered, Outcome::Dead] {
        complete(&store, &asks(&clock)).await;
        assert!(note(&store, &take_one(&store).await, outcome).await);
    }
    complete(&store, &asks(&clock)).await;
    let under_way = take_one(&store).await;
    clock.advance(TimeDelta::days(30));
    let before = clock.now() - TimeDelta::days(7);
    assert_eq!(store.retention.prune(before, 10).await.unwrap().jobs, 3);
    let all = DeliveryFilter::default();
    assert_eq!(store.webhooks.list(&all, 10).await.unwrap(), []);
    assert_eq!(take(&store, 10).await, []);
    assert!(!note(&store, &under_way, Outcome::Delivered).await);
}
