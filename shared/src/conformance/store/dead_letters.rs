//! Dead letters.

use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use uuid::Uuid;

use super::claiming::{claim, due, granted};
use crate::artifact::Digest;
use crate::clock::{Clock as _, System};
use crate::conformance::samples::submission;
use crate::conformance::store::fixture::Fixture;
use crate::dead_letter::DeadLetterFilter;
use crate::job::{FailureKind, Status};
use crate::queue::DeadMessage;
use crate::store::{Ending, Failed, Finish};
use crate::submission::Submission;

/// What failed is a dead letter with its reason; what did not is none.
///
/// # Panics
/// When a promise is broken.
pub async fn a_failed_job_is_a_dead_letter(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    // A reason may quote a file, and a file may hold anything.
    let reason = "no tensor named \"a\0b\"".to_owned();
    let failed = Ending::Failed(Failed {
        kind: FailureKind::InvalidPolicy,
        reason,
    });
    let mut ids = Vec::new();
    for ending in [
        Ending::Completed(Vec::new()),
        failed.clone(),
        Ending::Cancelled,
        failed,
    ] {
        clock.advance(TimeDelta::seconds(1));
        let submission = submission(&*clock);
        let lease = granted(&claim(&store, &submission).await);
        assert!(
            store
                .leases
                .finish_one(Finish::of(lease, ending.clone()))
                .await
                .unwrap()
        );
        ids.push(submission.job_id);
    }
    let letters = store
        .dead_letters
        .list(&DeadLetterFilter::default(), None, 10)
        .await
        .unwrap();
    assert_eq!(
        letters.iter().map(|letter| letter.id).collect::<Vec<_>>(),
        [ids[3], ids[1]],
        "the newest first"
    );
    assert_eq!(
        (letters[0].job_id, letters[0].kind, letters[0].at),
        (Some(ids[3]), FailureKind::InvalidPolicy, clock.now())
    );
    assert!(
        letters[0].reason.starts_with("no tensor named"),
        "{}",
        letters[0].reason
    );

    let before = Some((letters[0].at, letters[0].id));
    let rest = store
        .dead_letters
        .list(&DeadLetterFilter::default(), before, 10)
        .await
        .unwrap();
    assert_eq!(rest, letters[1..]);
    let timeouts = DeadLetterFilter {
        kind: Some(FailureKind::Timeout),
        ..DeadLetterFilter::default()
    };
    assert_eq!(
        store.dead_letters.list(&timeouts, None, 10).await.unwrap(),
        []
    );
    assert_eq!(
        store.dead_letters.find(ids[1]).await.unwrap().as_ref(),
        Some(&letters[1])
    );
    assert_eq!(store.dead_letters.find(ids[0]).await.unwrap(), None);
}

fn dead(submission: &Submission, reason: &str) -> DeadMessage {
    DeadMessage {
        message_id: System.new_id(),
        body: Bytes::from_static(b"{}"),
        submission: Ok(submission.clone()),
        reason: reason.to_owned(),
    }
}

/// A message that the queue gave up on costs its job an attempt, unless the job is in better hands;
/// the dispatcher publishes a new one, until the attempts are spent.
///
/// # Panics
/// When a promise is broken.
pub async fn a_dead_message_costs_its_job_an_attempt(fixture: Fixture) {
    const MAX_ATTEMPTS: u32 = 3;
    let Fixture { store, clock } = fixture;
    let (waiting, running, ended) = (
        submission(&*clock),
        submission(&*clock),
        submission(&*clock),
    );
    claim(&store, &running).await;
    let lease = granted(&claim(&store, &ended).await);
    store
        .leases
        .finish_one(Finish::of(lease, Ending::Completed(Vec::new())))
        .await
        .unwrap();
    let (messages, letters) = (&store.dead_messages, &store.dead_letters);
    for attempt in 1..=MAX_ATTEMPTS {
        let message = dead(&waiting, "delivery_limit");
        messages.dead_letter(&message, MAX_ATTEMPTS).await.unwrap();
        messages.dead_letter(&message, MAX_ATTEMPTS).await.unwrap();
        let job = store
            .jobs
            .find(waiting.job_id)
            .await
            .unwrap()
            .expect("it is recorded");
        assert_eq!(
            (job.attempt, job.failures.len()),
            (attempt, attempt as usize),
            "once, however often it is recorded"
        );
        let found = due(&store, Duration::ZERO, 10).await;
        assert_eq!(
            found.len(),
            usize::from(attempt < MAX_ATTEMPTS),
            "it gets a new message, as long as it may"
        );
        store
            .dispatches
            .mark_dispatched(&[waiting.job_id])
            .await
            .unwrap();
    }
    let job = store.jobs.find(waiting.job_id).await.unwrap().unwrap();
    assert_eq!(
        (job.status, job.failures[0].kind),
        (Status::Failed, FailureKind::Undeliverable)
    );
    assert_eq!(
        letters
            .list(&DeadLetterFilter::default(), None, 10)
            .await
            .unwrap()
            .len(),
        1,
        "it is a dead letter now"
    );

    for submission in [&running, &ended] {
        let before = store.jobs.find(submission.job_id).await.unwrap();
        messages
            .dead_letter(&dead(submission, "delivery_limit"), 1)
            .await
            .unwrap();
        assert_eq!(
            store.jobs.find(submission.job_id).await.unwrap(),
            before,
            "somebody else decides"
        );
    }
}

/// What a worker of another version rejected is nobody's fault, and what is no job's is kept for
/// operators.
///
/// # Panics
/// When a promise is broken.
pub async fn rejected_messages_charge_nobody(fixture: Fixture) {
    let Fixture { store, clock } = fixture;
    let (messages, letters) = (&store.dead_messages, &store.dead_letters);
    let known = submission(&*clock);
    store
        .jobs
        .insert(std::slice::from_ref(&known))
        .await
        .unwrap();
    store
        .dispatches
        .mark_dispatched(&[known.job_id])
        .await
        .unwrap();
    messages
        .dead_letter(&dead(&known, "rejected"), 1)
        .await
        .unwrap();
    let job = store.jobs.find(known.job_id).await.unwrap().unwrap();
    assert_eq!(
        (job.status, job.attempt, job.failures),
        (Status::Queued, 0, Vec::new())
    );
    assert_eq!(
        due(&store, Duration::ZERO, 10).await.len(),
        1,
        "another worker may understand it"
    );

    let stranger = Submission {
        request_hash: Digest::of(b"another"),
        ..known
    };
    let garbage = DeadMessage {
        message_id: Uuid::from_u128(9),
        body: Bytes::from_static(b"{\xff"),
        submission: Err("not JSON".to_owned()),
        reason: "rejected".to_owned(),
    };
    let stranger = dead(&stranger, "delivery_limit");
    for message in [&garbage, &garbage, &stranger] {
        messages.dead_letter(message, 1).await.unwrap();
    }
    let listed = letters
        .list(&DeadLetterFilter::default(), None, 10)
        .await
        .unwrap();
    assert_eq!(listed.len(), 2, "{listed:?}");
    for message in [&garbage, &stranger] {
        let kept = letters
            .find(message.message_id)
            .await
            .unwrap()
            .expect("it is kept");
        assert_eq!(
            (kept.job_id, kept.kind),
            (None, FailureKind::UnreadableMessage)
        );
        assert_eq!(
            kept.body.as_deref(),
            Some(&message.body[..]),
            "with all its bytes"
        );
    }
}
